/** What the host changes below what containers mount, over the link with the host. */
import type { Boot } from "../../protocol/messages.ts";
import type { DockerApi } from "../../system/docker-api.ts";
import type { HostLink } from "../link/link.ts";
import { ChangeReceiver } from "./receive.ts";

/** Receives over the link, and reports over it what is mounted. */
export function receiveChanges(boot: Pick<Boot, "shares" | "unwatched">, link: HostLink): ChangeReceiver {
  const changes = new ChangeReceiver(boot, {
    report: (sources) => link.reportMounts(sources),
    ask: (sources) => link.askChanges(sources),
    onTrouble: (text) => link.log(text),
  });
  link.onChanges = (told) => changes.onChanges(told);
  return changes;
}

/** The same Docker; each list of containers also says what of the host they mount, and so what is watched there. */
export function observed(docker: DockerApi, changes: Pick<ChangeReceiver, "onContainers">): DockerApi {
  return {
    ...docker,
    async containers() {
      const containers = await docker.containers();
      await changes.onContainers(containers);
      return containers;
    },
  };
}
