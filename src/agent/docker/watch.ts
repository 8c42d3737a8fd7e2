/** Follows the Docker daemon: an event is a nudge to list what is published now, or tells of a container's start. */
import { LineReader } from "../../protocol/frame.ts";
import { pause } from "../../system/clock.ts";
import type { DockerApi } from "../../system/docker-api.ts";
import { startedIn } from "../../system/docker-views.ts";
import type { DockerStops } from "./docker-stops.ts";

/**
 * What the watcher tells. `onStarted` has the id of a container that has started, whoever did that; `onNudge` says that
 * other ports may be published than before.
 */
export type WatchListener = {
  readonly onStarted: (id: string) => void;
  readonly onNudge: () => void;
  readonly onDocker: (state: "ready" | "down") => void;
  readonly onTrouble: (text: string) => void;
};

/** Between two tries to reach a daemon that is down; docker.socket usually makes the first try wait for it. */
const retryMs = 500;

/**
 * Watches until `signal` fires. Never throws: a daemon that goes away is waited for. One that is being stopped is let
 * go of: it would wait five seconds for whoever follows its events before it stops a container (moby's cmd/dockerd).
 */
export async function watchDocker(
  docker: Pick<DockerApi, "ping" | "follow">,
  listener: WatchListener,
  signal: AbortSignal,
  stops: DockerStops,
): Promise<void> {
  while (!signal.aborted) {
    await stops.over();
    const until = AbortSignal.any([signal, stops.signal]);
    try {
      await docker.ping(until);
      listener.onDocker("ready");
      // The stream is opened first, so that nothing falls between the first list and the first event.
      const events = new LineReader();
      const onEvents = (lines: Uint8Array): void => {
        try {
          for (const line of events.cut(lines)) {
            const id = startedIn(line);
            if (id !== undefined) listener.onStarted(id);
          }
        } catch {
          // Labels make it too long, and what is left of it is no event.
          events.rest();
        }
        listener.onNudge();
      };
      const following = docker.follow(onEvents, until);
      listener.onNudge();
      await following;
      listener.onDocker("down");
    } catch (error) {
      if (signal.aborted) return;
      listener.onDocker("down");
      if (until.aborted) continue;
      listener.onTrouble(`Docker: ${String(error)}`);
    }
    await pause(retryMs, signal);
  }
}
