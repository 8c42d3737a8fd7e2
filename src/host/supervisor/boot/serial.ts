/** A VM's logs as the supervisor reads them: their last lines, and the silence of the serial console. */
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { after, type Timer } from "../../../system/clock.ts";
import { watchFile } from "../../../system/watch.ts";

/** The last `count` lines of a log that say something, without a terminal's control sequences (ECMA-48). */
export function tailOf(path: string, count: number): string[] {
  const text = existsSync(path) ? readFileSync(path, "utf8") : "";
  const plain = stripVTControlCharacters(text.slice(-65_536)).replaceAll("\r", "");
  const lines = plain.split("\n").filter((line) => line.trim() !== "");
  return lines.slice(-count);
}

/** A watch for silence. `notDuring` counts no silence until the work is done. */
export type SilenceWatch = { notDuring(work: () => Promise<unknown>): Promise<void>; close(): void };

/**
 * Calls `onSilence` each time the log at `path` has not grown for `silenceMs`, until closed. A guest that hangs in its
 * firmware or kernel looks alive to QEMU; only its silence tells.
 */
export function watchForSilence(path: string, silenceMs: number, onSilence: () => void): SilenceWatch {
  let isClosed = false;
  let timer: Timer | undefined;
  const arm = (): void => {
    timer?.cancel();
    if (isClosed) return;
    timer = after(silenceMs, () => {
      arm();
      onSilence();
    });
  };
  arm();
  const watcher = watchFile(dirname(path), basename(path), arm);
  return {
    async notDuring(work) {
      timer?.cancel();
      await work();
      arm();
    },
    close: () => {
      isClosed = true;
      watcher.close();
      timer?.cancel();
    },
  };
}
