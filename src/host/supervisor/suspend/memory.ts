/**
 * A guest's memory in its saved state, where QEMU leaves it out of its own stream: the pages that are not zero, one
 * after the other, and behind them a table of their runs: the first page's number and how many there are, 32 bits each.
 * What the guest has never had, or has given back, is a hole in the memory's file and is never touched here; QEMU's own
 * stream reads it, and to read it through a map is to have it (docs/decisions.md#d311).
 */
import { type FileHandle, open } from "node:fs/promises";
import { QnError } from "../../../base/errors.ts";
import { seekFd } from "../../../system/kernel/file-calls.ts";
import { notWritten, pieceBytes, Pieces, writeAll } from "./pieces.ts";
import { type MemoryFacts, runBytes } from "./state.ts";

/** Copies the memory to a file, from `at` on. The guest has to stand still. Throws the system's errors. */
export async function saveMemory(memory: FileHandle, to: FileHandle, at: number): Promise<MemoryFacts> {
  const { size } = await memory.stat();
  const pieces = new Pieces((piece, before) => writeAll(to.fd, piece, at + before));
  const runs = new Runs();
  const chunk = Buffer.allocUnsafe(pieceBytes);
  for (const { from, to: until } of dataOf(memory.fd, size)) {
    for (let place = from; place < until; place += chunk.length) {
      const length = Math.min(chunk.length, until - place);
      // Whoever asks for the VM's status meanwhile is answered between two pieces.
      const { bytesRead } = await memory.read(chunk, 0, length, place);
      if (bytesRead !== length) throw new QnError("QEMU_FAILED", "The guest's memory cannot be read.");
      for (const span of notZero(chunk.subarray(0, length))) {
        pieces.add(chunk.subarray(span.from, span.to));
        runs.add({ from: place + span.from, to: place + span.to });
      }
    }
  }
  const table = Uint32Array.from(runs.numbers);
  pieces.add(new Uint8Array(table.buffer));
  return { ...pieces.finish(), runs: table.length / 2 };
}

/**
 * Puts what is in a file from `at` on into new memory. Throws QEMU_FAILED when it is not what was written, and the
 * system's errors.
 */
export async function loadMemory(path: string, at: number, facts: MemoryFacts, memory: number): Promise<void> {
  await using file = await open(path, "r");
  const pagesEnd = at + facts.bytes - facts.runs * runBytes;
  const table = new Uint32Array(facts.runs * 2);
  await file.read(new Uint8Array(table.buffer), 0, table.byteLength, pagesEnd);
  const pieces = new Pieces();
  const chunk = Buffer.allocUnsafe(pieceBytes);
  // Where of the memory the next bytes belong, and where their run ends.
  let [place, until, next] = [0, 0, 0];
  for (let from = at; from < pagesEnd;) {
    const { bytesRead } = await file.read(chunk, 0, Math.min(chunk.length, pagesEnd - from), from);
    if (bytesRead === 0) break;
    from += bytesRead;
    pieces.add(chunk.subarray(0, bytesRead));
    for (let used = 0; used < bytesRead;) {
      if (place === until) {
        const [page = 0, count = 0] = table.subarray(next, next + 2);
        if (count === 0) throw notWritten();
        place = page * pageBytes;
        until = place + count * pageBytes;
        next += 2;
      }
      const length = Math.min(until - place, bytesRead - used);
      writeAll(memory, chunk.subarray(used, used + length), place);
      used += length;
      place += length;
    }
  }
  pieces.add(new Uint8Array(table.buffer));
  pieces.finishAs(facts);
}

// --- internal ---

/** Of x86_64, and the smallest of aarch64. */
const pageBytes = 4096;

const SEEK_DATA = 3;
const SEEK_HOLE = 4;

type Span = { readonly from: number; readonly to: number };

/** Where a file is no hole, in whole pages (lseek(2)). */
function* dataOf(fd: number, size: number): Generator<Span> {
  for (let to = 0; to < size;) {
    const from = seekFd(fd, to, SEEK_DATA);
    // ENXIO: nothing but a hole.
    if (from < 0) return;
    to = seekFd(fd, from, SEEK_HOLE);
    if (to <= from) return;
    yield { from, to };
  }
}

/** Where a chunk of whole pages is not zero, in bytes from its beginning. */
function* notZero(chunk: Buffer): Generator<Span> {
  let from = 0;
  for (let at = 0; at <= chunk.length; at += pageBytes) {
    if (at < chunk.length && chunk.compare(zeroPage, 0, pageBytes, at, at + pageBytes) !== 0) continue;
    if (at > from) yield { from, to: at };
    from = at + pageBytes;
  }
}

const zeroPage = Buffer.alloc(pageBytes);

/** The numbers of the table: of each run its first page, and how many pages it has. */
class Runs {
  readonly numbers: number[] = [];
  #end = -1;

  /** What begins where the last one ends belongs to the same run. */
  add({ from, to }: Span): void {
    const count = (to - from) / pageBytes;
    if (from === this.#end) this.numbers.push((this.numbers.pop() ?? 0) + count);
    else this.numbers.push(from / pageBytes, count);
    this.#end = to;
  }
}
