/** Follows the Docker daemon: an event is only a nudge to list what is published now. */
import { pause } from "../../system/clock.ts";
import type { Container, DockerApi } from "../../system/docker-api.ts";
import { type Asked, publishedPorts, type ServedPort, withDroppedPorts } from "./published.ts";

/** What the watcher tells: the whole state each time, never a difference. */
export type WatchListener = {
  readonly onPorts: (ports: readonly ServedPort[]) => void;
  readonly onDocker: (state: "ready" | "down") => void;
  readonly onTrouble: (text: string) => void;
};

/** Between two tries to reach a daemon that is down; docker.socket usually makes the first try wait for it. */
const retryMs = 500;

/** Watches until `signal` fires. Never throws: a daemon that goes away is waited for. */
export async function watchDocker(docker: DockerApi, listener: WatchListener, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await docker.ping(signal);
      listener.onDocker("ready");
      await followOnce(docker, listener, signal);
      listener.onDocker("down");
    } catch (error) {
      if (signal.aborted) return;
      listener.onDocker("down");
      listener.onTrouble(`Docker: ${String(error)}`);
    }
    await pause(retryMs, signal);
  }
}

// --- internal ---

/** Lists once, and again after each event; events that come while a list is under way share the next one. */
async function followOnce(docker: DockerApi, listener: WatchListener, signal: AbortSignal): Promise<void> {
  let wanted = false;
  const completed = completer(docker);
  let listing: Promise<void> | undefined;
  const list = async (): Promise<void> => {
    do {
      wanted = false;
      try {
        listener.onPorts(publishedPorts(await completed(await docker.containers())));
      } catch (error) {
        listener.onTrouble(`Cannot list containers: ${String(error)}`);
      }
    } while (wanted);
    listing = undefined;
  };
  const nudge = (): void => {
    wanted = true;
    listing ??= list();
  };
  // The stream is opened first, so that nothing falls between the list and the first event.
  const following = docker.follow(nudge, signal);
  nudge();
  await following;
}

/** Completes containers that have ports with what the list leaves out. Each is asked about once in its life. */
function completer(docker: DockerApi): (containers: readonly Container[]) => Promise<Container[]> {
  let known = new Map<string, Asked>();
  return async (containers) => {
    const asked = new Map<string, Asked>();
    for (const { Id, Ports } of containers) {
      if (Ports.length === 0) continue;
      const bindings = known.get(Id) ?? (await docker.portBindings(Id).catch(() => undefined));
      // One that has gone meanwhile publishes nothing any more, and its end is an event that lists again.
      if (bindings !== undefined) asked.set(Id, bindings);
    }
    known = asked;
    return containers.map((container) => withDroppedPorts(container, known.get(container.Id) ?? {}));
  };
}
