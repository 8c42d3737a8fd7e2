/** The sleeper of this guest, led by the link with the host. */
import { messageOf, QnError } from "../../base/errors.ts";
import type { Boot } from "../../protocol/messages.ts";
import type { DockerApi } from "../../system/docker-api.ts";
import { run } from "../../system/process.ts";
import { forgetShareDevices } from "../changes/inode-pins.ts";
import type { Containers } from "../docker/containers.ts";
import { bindSourcesOf } from "../docker/mounts.ts";
import { recordOf, volumeSources } from "../docker/records.ts";
import { mountShares, shareTargets, unmountShares } from "../files/shares.ts";
import type { HostLink } from "../link/link.ts";
import { Calm } from "./calm.ts";
import { programsIn } from "./holders.ts";
import { findDevices } from "./plugged-devices.ts";
import { Sleeper } from "./sleeper.ts";
import { stoppedNote } from "./stopped-note.ts";
import { useOf } from "./use.ts";

/** Sleeps when the host says so, and wakes when a host links to it. */
export function guestSleeper(boot: Boot, link: HostLink, docker: DockerApi, containers: Containers): Sleeper {
  const onTrouble = (text: string): void => link.log(text);
  const sleeper = new Sleeper({
    targets: shareTargets,
    containers: () => containers.list(),
    async volumeFolders(id) {
      const { HostConfig } = (await recordOf(id)) ?? (await docker.details(id));
      return [...bindSourcesOf(HostConfig), ...(await volumeSources(HostConfig))].map(({ path }) => path);
    },
    isRemovedWhenStopped: async (id) => (await docker.details(id)).HostConfig.AutoRemove === true,
    stop: (id) => docker.stop(id),
    start: (id) => docker.start(id),
    note: stoppedNote(),
    unmount: () => unmountShares(programsIn),
    async mount() {
      forgetShareDevices();
      await findDevices(boot.shares.filter(({ driver }) => driver === "virtiofs").length);
      await mountShares(boot);
    },
    sync: writeAll,
    use: () => useOf(containers),
    onTrouble,
  });
  link.onSleep = (ifUnused, answer) => sleeper.sleep(ifUnused, answer);
  link.onUse = () => useOf(containers);
  const calm = new Calm(onTrouble);
  link.onCalm = (answer) => calm.tell(answer);
  link.onLinked = () => void sleeper.wake().catch((error: unknown) => onTrouble(messageOf(error)));
  return sleeper;
}

// --- internal ---

async function writeAll(): Promise<void> {
  const { exitCode, stderr } = await run(["sync"]);
  if (exitCode !== 0) throw new QnError("AGENT_FAILED", `The guest's disks cannot be written: ${stderr.trim()}`);
}
