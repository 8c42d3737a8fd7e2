/** A download that is not whole yet: its file in QN_HOME's cache, which the next try goes on with. */
import { constants, open, rm } from "node:fs/promises";
import * as v from "valibot";
import { readTextIfThere, writeFileAtomically } from "../../../system/files.ts";
import type { Origin } from "./resume.ts";

/** A file that grows at its end, in bytes. What is in it is compared with what was signed whenever it is read. */
export type Part = AsyncDisposable & {
  readonly bytes: number;
  /** Where it came from, as far as that promises that more of the very same can be had there. */
  readonly origin: Origin | undefined;
  append(chunk: Uint8Array): Promise<void>;
  /** Forgets what is behind the first `bytes`. */
  cut(bytes: number): Promise<void>;
  /** At most `length` bytes. */
  read(start: number, length: number): Promise<Uint8Array>;
  /** Remembers, or forgets, where the bytes come from. */
  setOrigin(origin: Origin | undefined): Promise<void>;
};

/** Opens the file at `path`, which is made if needed; only one process may. It is its owner's alone. */
export async function openPart(path: string): Promise<Part> {
  const { O_RDWR, O_CREAT, O_NOFOLLOW } = constants;
  const file = await open(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0o600);
  const originPath = `${path}.origin`;
  let { size: bytes } = await file.stat();
  let origin = parseOrigin(await readTextIfThere(originPath));
  return {
    get bytes() {
      return bytes;
    },
    get origin() {
      return origin;
    },
    async append(chunk) {
      for (let at = 0; at < chunk.length;) {
        const { bytesWritten } = await file.write(chunk, at, chunk.length - at, bytes);
        at += bytesWritten;
        bytes += bytesWritten;
      }
    },
    async cut(to) {
      if (to >= bytes) return;
      await file.truncate(to);
      bytes = to;
    },
    async read(start, length) {
      const { buffer, bytesRead } = await file.read(new Uint8Array(length), 0, length, start);
      return buffer.subarray(0, bytesRead);
    },
    async setOrigin(next) {
      if (Bun.deepEquals(next, origin)) return;
      origin = next;
      if (next === undefined) return await rm(originPath, { force: true });
      await writeFileAtomically(originPath, JSON.stringify(next));
    },
    [Symbol.asyncDispose]: () => file.close(),
  };
}

// --- internal ---

const originSchema = v.object({ url: v.string(), validator: v.string() });

function parseOrigin(text: string | undefined): Origin | undefined {
  try {
    return text === undefined ? undefined : v.parse(originSchema, JSON.parse(text));
  } catch {
    return undefined;
  }
}
