/** Knows when dockerd is being stopped: its unit leaves a file for that long (guest/units/docker.service.d). */
import { existsSync } from "node:fs";
import { basename, dirname } from "node:path";
import { watchFile } from "../../system/watch.ts";

/** The stops of the daemon. */
export type DockerStops = {
  /** Fires when the stop begins that is the next one, or under way. */
  readonly signal: AbortSignal;
  /** Resolves when none is under way, and when nobody looks any more. */
  over(): Promise<void>;
};

/** Looks until `signal` fires. Throws the system's error when the file's folder is not there. */
export function watchDockerStops(signal: AbortSignal, file = "/run/qn/docker-stops"): DockerStops {
  let stop = new AbortController();
  let over = Promise.withResolvers<void>();
  over.resolve();
  const look = (): void => {
    const isStopping = existsSync(file);
    if (isStopping && !stop.signal.aborted) {
      over = Promise.withResolvers();
      stop.abort();
    }
    if (!isStopping && stop.signal.aborted) {
      stop = new AbortController();
      over.resolve();
    }
  };
  const watcher = watchFile(dirname(file), basename(file), look);
  signal.addEventListener("abort", () => {
    watcher.close();
    over.resolve();
  });
  look();
  return {
    get signal() {
      return stop.signal;
    },
    over: () => over.promise,
  };
}
