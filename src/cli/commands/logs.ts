/** `qn logs`: what the supervisor, QEMU, the guest's console and the agent said. */
import { basename } from "node:path";
import { plainLines } from "../../base/plain.ts";
import { QnError } from "../../base/errors.ts";
import type { VmPaths } from "../../host/layout.ts";
import { requireVm } from "../../host/vm/require-vm.ts";
import { isThere } from "../../system/files.ts";
import { watchFile } from "../../system/watch.ts";
import { defineCommand, vmArg, wholeNumber } from "../command.ts";
import { output } from "../terminal/output.ts";
import { say } from "../terminal/show.ts";
import { interruptionOrNoReader } from "../terminal/signals.ts";
import { vmNamed } from "../vm-here.ts";

export const command = defineCommand({
  examples: ["qn logs web --source serial"],
  args: {
    vm: vmArg,
    follow: { type: "boolean", alias: "f", description: "Go on as the log grows" },
    tail: { type: "string", alias: "n", description: "Begin with the last so many lines", valueHint: "N" },
    raw: {
      type: "boolean",
      description: "Control characters as they were written, colours among them, also on a terminal, which obeys them",
    },
    source: {
      type: "string",
      default: "supervisor",
      description: "supervisor, qemu, serial, agent or trace",
      valueHint: "SOURCE",
    },
  },
  async run({ args }) {
    await printLog(vmNamed(args.vm).paths, args.source, {
      follow: args.follow === true,
      raw: args.raw === true,
      lines: wholeNumber("tail", args.tail),
    });
  },
});

// --- internal ---

/** How to print: on as the log grows, as it was written, and from which line from the end on. */
type Manner = { readonly follow: boolean; readonly raw: boolean; readonly lines: number | undefined };

/** What of a log goes to standard output: guest and containers have written most of it. */
type Show = (bytes: Uint8Array) => Uint8Array | string;

const asItIs: Show = (bytes) => bytes;

/** For a terminal, which must obey nothing that a container says. The end of a part may cut a letter. */
function escaping(): Show {
  const decoder = new TextDecoder();
  return (bytes) => plainLines(decoder.decode(bytes, { stream: true }));
}

/**
 * Prints the log of `source`, and follows it on demand. Throws USAGE for an unknown source, NO_SUCH_VM when there is no
 * such VM.
 */
async function printLog(paths: VmPaths, source: string, { follow, raw, lines }: Manner): Promise<void> {
  const path = Object.entries(paths.logs).find(([name]) => name === source)?.[1];
  if (path === undefined) {
    const sources = Object.keys(paths.logs).join(", ");
    throw new QnError("USAGE", `--source is "${source}"; it is one of ${sources}.`);
  }
  await requireVm(paths);
  const show = raw || !process.stdout.isTTY ? asItIs : escaping();
  // Before the first word: its reader may want no more than that.
  using over = follow ? interruptionOrNoReader() : undefined;
  let offset = await copyFrom(path, lines === undefined ? 0 : await lastLines(path, lines), show);
  if (over === undefined) {
    if (!(await isThere(path))) say(`The VM "${paths.name}" has no such log yet: ${source}.`);
    return;
  }
  let copying = Promise.resolve();
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  const watcher = watchFile(paths.folder, basename(path), () => {
    copying = copying.then(async () => void (offset = await copyFrom(path, offset, show)));
  });
  over.signal.addEventListener("abort", () => resolve(), { once: true });
  if (over.signal.aborted) resolve();
  await ended;
  watcher.close();
}

/** How much of a log is looked through at once for the ends of lines. */
const pieceBytes = 64 * 1024;

/** Where the last `count` lines of the file begin; what stands behind the last newline is a line, too. */
async function lastLines(path: string, count: number): Promise<number> {
  if (!(await isThere(path))) return 0;
  const file = Bun.file(path);
  const { size } = await file.stat();
  // The newline at the very end ends a line, and begins none.
  let left = count;
  for (let end = size - 1; end > 0; end -= pieceBytes) {
    const start = Math.max(0, end - pieceBytes);
    const piece = await file.slice(start, end).bytes();
    for (let at = piece.lastIndexOf(10); at >= 0; at = at === 0 ? -1 : piece.lastIndexOf(10, at - 1)) {
      left -= 1;
      if (left === 0) return start + at + 1;
    }
  }
  return 0;
}

/**
 * Copies what the file has from `offset` on; gives back its size. A file that was truncated or replaced is copied
 * whole.
 */
async function copyFrom(path: string, offset: number, show: Show): Promise<number> {
  if (!(await isThere(path))) return 0;
  const file = Bun.file(path);
  const { size } = await file.stat();
  const start = size < offset ? 0 : offset;
  if (size > start) output(show(await file.slice(start, size).bytes()));
  return size;
}
