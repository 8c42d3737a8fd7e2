/** Knows when dockerd is being stopped: its unit leaves a file for that long (guest/units/docker.service.d). */
import { existsSync } from "node:fs";
import { basename, dirname } from "node:path";
import { every, type Timer } from "../../system/clock.ts";
import { watchFile } from "../../system/watch.ts";

/** The stops of the daemon. */
export type DockerStops = {
  /** Fires when the stop begins that is the next one, or under way. */
  readonly signal: AbortSignal;
  /** Resolves when none is under way, and when nobody looks any more. */
  over(): Promise<void>;
};

/** How often it is looked whether a stop is over: were the word of its end lost, nobody would ask Docker again. */
const usualLookMs = 3_000;

/**
 * Looks until `signal` fires; every `lookMs` while a stop is under way. Throws the system's error when the file's
 * folder is not there.
 */
export function watchDockerStops(
  signal: AbortSignal,
  file = "/run/qn/docker-stops",
  lookMs = usualLookMs,
): DockerStops {
  let looks: Timer | undefined;
  let stop = new AbortController();
  let over = Promise.withResolvers<void>();
  over.resolve();
  const look = (): void => {
    const isStopping = existsSync(file);
    if (isStopping && !stop.signal.aborted) {
      over = Promise.withResolvers();
      looks = every(lookMs, look);
      stop.abort();
    }
    if (!isStopping && stop.signal.aborted) {
      looks?.cancel();
      stop = new AbortController();
      over.resolve();
    }
  };
  const watcher = watchFile(dirname(file), basename(file), look);
  signal.addEventListener("abort", () => {
    watcher.close();
    looks?.cancel();
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
