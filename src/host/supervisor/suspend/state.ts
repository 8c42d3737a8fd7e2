/**
 * The file that holds a suspended VM: a head that says what it belongs to, and behind it what QEMU has saved (its
 * migration stream). It has the guest's memory in it, and is as secret as that.
 */
import { open } from "node:fs/promises";
import { isAbsolute } from "node:path";
import * as v from "valibot";
import { bootSchema } from "../boot/boot.ts";

const bytes = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

/** A disk of the VM as it was left; whoever writes to it changes one of the two. */
const diskSchema = v.object({
  path: v.pipe(v.string(), v.check(isAbsolute)),
  sizeBytes: bytes,
  changedNs: v.pipe(v.string(), v.regex(/^\d+$/)),
});

/** The length of a line in the table of the memory's runs. */
export const runBytes = 8;

const headSchema = v.object({
  format: v.literal(1),
  qemu: v.string(),
  /** The image that the system disk lies on, by its address. */
  image: v.string(),
  /** This machine's processor: a guest may have been shown what it can. */
  cpu: v.string(),
  /** A hash of what the guest was told at boot, and can be told no more. */
  told: v.string(),
  boot: bootSchema,
  disks: v.array(diskSchema),
  stream: v.object({ bytes, hash: v.string() }),
  /** The guest's memory behind the stream, where that is without it (memory.ts). */
  memory: v.optional(
    v.pipe(
      v.object({ bytes, runs: bytes, hash: v.string() }),
      v.check((memory) => memory.runs * runBytes <= memory.bytes),
    ),
  ),
});

/** What a saved state belongs to. `changedNs` is a file's time of change in nanoseconds. */
export type Head = v.InferOutput<typeof headSchema>;
export type DiskIdentity = Head["disks"][number];
/** How long pages and table are together, how many runs the table has, and a hash of both. */
export type MemoryFacts = NonNullable<Head["memory"]>;

/** Where the stream begins: a command line and a list of disks take a few kilobytes. */
export const headBytes = 256 * 1024;

/** Where the guest's memory begins: where the stream ends. */
export function memoryAt({ stream }: Pick<Head, "stream">): number {
  return headBytes + stream.bytes;
}

/** The head's bytes, filled up to `headBytes`. Throws RangeError for one that is longer. */
export function encodeHead(head: Head): Uint8Array {
  const text = Buffer.from(`${JSON.stringify(head)}\n`);
  if (text.length > headBytes) throw new RangeError(`the head takes ${text.length} bytes`);
  return Buffer.concat([text, Buffer.alloc(headBytes - text.length)]);
}

/**
 * Reads the head of a file with so many bytes; nothing for one that is cut off, or that this qn did not write or cannot
 * read.
 */
export function parseHead(content: Uint8Array, sizeBytes: number): Head | undefined {
  const end = content.indexOf("\n".codePointAt(0) ?? 0);
  try {
    const head = v.parse(headSchema, JSON.parse(Buffer.from(content.subarray(0, end)).toString()));
    return sizeBytes === memoryAt(head) + (head.memory?.bytes ?? 0) ? head : undefined;
  } catch {
    return undefined;
  }
}

/** The head of the file at `path`; nothing as with `parseHead`. Throws the system's errors. */
export async function readHead(path: string): Promise<Head | undefined> {
  await using file = await open(path, "r");
  const { size } = await file.stat();
  const { buffer, bytesRead } = await file.read(Buffer.alloc(headBytes), 0, headBytes, 0);
  return parseHead(buffer.subarray(0, bytesRead), size);
}
