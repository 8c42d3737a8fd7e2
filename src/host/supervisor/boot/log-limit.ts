/** Log rotation: keeps a VM's logs small, for a guest may say as much as it likes on its console. */
import { copyFileSync, statSync, truncateSync } from "node:fs";
import { basename, dirname } from "node:path";
import { messageOf } from "../../../base/errors.ts";
import { sayAsError } from "../../../system/standard-error.ts";
import { watchFile } from "../../../system/watch.ts";

/** What a log may have: days of an ordinary guest's, and little for a disk. */
const usualBytesMax = 8 * 1024 ** 2;

/**
 * Watches logs until closed. One that has more than `bytesMax` is copied to `<log>.1` and cut to nothing; its writers
 * have it open for appending, so they go on at its start. What is written between copy and cut is lost.
 */
export function limitLogs(paths: readonly string[], bytesMax: number = usualBytesMax): { close(): void } {
  const watchers = paths.map((path) => watchFile(dirname(path), basename(path), () => limit(path, bytesMax)));
  for (const path of paths) limit(path, bytesMax);
  return {
    close: () => {
      for (const watcher of watchers) watcher.close();
    },
  };
}

// --- internal ---

function limit(path: string, bytesMax: number): void {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size <= bytesMax) return;
  try {
    copyFileSync(path, `${path}.1`);
  } catch (error) {
    // A full disk is the worst time to keep a large log.
    sayAsError(`${path} is not kept: ${messageOf(error)}\n`);
  }
  truncateSync(path, 0);
}
