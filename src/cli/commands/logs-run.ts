/** Prints a log, and follows it on demand. */
import { basename } from "node:path";
import { QnError } from "../../base/errors.ts";
import type { VmPaths } from "../../host/layout.ts";
import { requireVm } from "../../host/vm/known.ts";
import { isThere } from "../../system/files.ts";
import { watchFile } from "../../system/watch.ts";
import { interruption } from "../terminal/signals.ts";

/** Prints the log of `source`. Throws USAGE for an unknown source, NO_SUCH_VM when there is no such VM. */
export async function printLog(paths: VmPaths, source: string, follow: boolean): Promise<void> {
  const path = Object.entries(paths.logs).find(([name]) => name === source)?.[1];
  if (path === undefined) {
    const sources = Object.keys(paths.logs).join(", ");
    throw new QnError("USAGE", `--source is "${source}"; it is one of ${sources}.`);
  }
  await requireVm(paths);
  let offset = await copyFrom(path, 0);
  if (!follow) return;
  using interrupted = interruption();
  let copying = Promise.resolve();
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  const watcher = watchFile(paths.folder, basename(path), () => {
    copying = copying.then(async () => void (offset = await copyFrom(path, offset)));
  });
  interrupted.signal.addEventListener("abort", () => resolve(), { once: true });
  await ended;
  watcher.close();
}

// --- internal ---

/** Copies what the file has from `offset` on; gives back its size. A file that was started anew is copied whole. */
async function copyFrom(path: string, offset: number): Promise<number> {
  if (!(await isThere(path))) return 0;
  const file = Bun.file(path);
  const { size } = await file.stat();
  const start = size < offset ? 0 : offset;
  if (size > start) process.stdout.write(await file.slice(start, size).bytes());
  return size;
}
