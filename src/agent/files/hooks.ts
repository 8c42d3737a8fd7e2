/** What is done about bind sources while Docker waits: they are the host's before a container is made or starts. */
import { messageOf } from "../../base/errors.ts";
import { newQueue } from "../../base/queue.ts";
import type { Boot } from "../../protocol/messages.ts";
import type { DockerCall } from "../docker/call.ts";
import type { Containers } from "../docker/containers.ts";
import type { CallHooks } from "../docker/hooks.ts";
import { type BindSource, bindSourcesOf } from "../docker/mounts.ts";
import { sourcesOfRestarting, volumeSources } from "../docker/records.ts";
import { settleSources } from "./bind-sources.ts";
import { throughLinks, viewsOf } from "./shares.ts";
import type { ShownSockets } from "./sockets/show.ts";
import { type Mirror, mirrorSources, sweepDeleted } from "./tmp/mirror.ts";

/**
 * Prepares what Docker, which must not have started yet, starts without a request. Then the hooks; `onTrouble` hears
 * of what keeps no container from starting.
 */
export async function fileHooks(
  boot: Boot,
  containers: Pick<Containers, "startedBy">,
  sockets: ShownSockets,
  onTrouble: (text: string) => void,
): Promise<CallHooks> {
  const mirrors = boot.shares
    .filter((share) => share.folder !== share.path)
    .map((share) => ({ asides: viewsOf(share).map(({ folder }) => folder), folder: share.path }));
  const tell = (error: unknown): void => onTrouble(messageOf(error));
  await prepareRestarting(mirrors, sockets, tell);
  // Two requests for the same path must not both make its mount point.
  const inTurn = newQueue();
  const sweepSoon = sweeper(mirrors, inTurn, tell);
  return {
    async beforeRequest(call) {
      const called = await sourcesOf(call, containers);
      if (called.length === 0) return;
      sockets.showOutside();
      const sources = called.map(({ path: named, createMissing }) => {
        const path = throughLinks(named, boot.shares);
        // In the place of a socket that is not there Docker would make a folder.
        return { path, createMissing: createMissing && !sockets.has(path) };
      });
      const settled = await settleSources(sources, boot);
      await inTurn(async () => {
        for (const mirror of mirrors) await mirrorSources(mirror, settled);
        await sockets.showWithin(settled);
      });
    },
    async beforeAnswer({ kind }) {
      // Nobody waits for it: what is gone on the host is taken away whenever containers have come or gone.
      if (comingOrGoing.has(kind)) sweepSoon();
    },
    // What it would mount is not known, and an empty folder in its place would be worse than an error.
    refuseLost: "The agent in the guest was started anew meanwhile. Please try again.",
  };
}

// --- internal ---

/** The answers after which a container may have come or gone. A wait is answered when one has ended. */
const comingOrGoing: ReadonlySet<DockerCall["kind"]> = new Set(["start", "stop", "kill", "wait", "remove", "prune"]);

/** What a call is about to mount. Calls that mount nothing have none. */
async function sourcesOf(call: DockerCall, containers: Pick<Containers, "startedBy">): Promise<readonly BindSource[]> {
  if ("mounts" in call) return bindSourcesOf(call.mounts());
  if (call.kind !== "start") return [];
  try {
    const { HostConfig } = await containers.startedBy(call);
    return [...bindSourcesOf(HostConfig), ...(await volumeSources(HostConfig))];
  } catch {
    // No such container: Docker says so itself.
    return [];
  }
}

/**
 * Prepares what Docker starts by itself. One that cannot be shown must not keep the others, or Docker, from starting.
 */
async function prepareRestarting(
  mirrors: readonly Mirror[],
  sockets: ShownSockets,
  tell: (error: unknown) => void,
): Promise<void> {
  sockets.showOutside();
  for (const source of await sourcesOfRestarting()) {
    for (const mirror of mirrors) await mirrorSources(mirror, [source]).catch(tell);
    await sockets.showWithin([source]).catch(tell);
  }
}

/** What takes away what is gone, once for all who ask for it before it begins. */
function sweeper(
  mirrors: readonly Mirror[],
  inTurn: ReturnType<typeof newQueue>,
  tell: (error: unknown) => void,
): () => void {
  const sweeps = newQueue();
  let isDue = false;
  const sweep = async (): Promise<void> => {
    isDue = false;
    for (const mirror of mirrors) await sweepDeleted(mirror, (action) => inTurn(async () => action()));
  };
  return () => {
    if (isDue) return;
    isDue = true;
    void sweeps(sweep).catch(tell);
  };
}
