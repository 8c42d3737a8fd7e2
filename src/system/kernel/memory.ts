/**
 * All memory whose address is ever taken. Bun's garbage collector takes a buffer away that is known by its address
 * alone, and moves small typed arrays when their `.buffer` is asked for: both silently. What is here is mapped by
 * mmap(2), where neither happens, and stays until it is unmapped.
 */
import { readFileSync } from "node:fs";
import { FFIType, type Pointer, toArrayBuffer } from "bun:ffi";
import { fromLibrary } from "./library.ts";

/** Memory of a fixed address, and views of it. */
export type Block = {
  readonly address: number;
  readonly bytes: Uint8Array;
  readonly view: DataView;
};

/** Zeroed memory of this process' own; throws when there is none left. It is given back by `unmap` alone. */
export function allocate(length: number): Block {
  return viewsOf(
    map(length, MAP_PRIVATE | (process.platform === "darwin" ? MAP_ANON_DARWIN : MAP_ANONYMOUS), -1, 0),
    length,
  );
}

/** The address of a short text as C has it, good until the next one is asked for. */
export function allocateText(value: string): number {
  const { bytes, address } = (textBlock ??= allocate(textBytes));
  bytes.set(Buffer.from(`${value}\0`));
  return address;
}

/**
 * Maps `length` bytes of an open file from `offset` on, seen by all who map it (mmap(2), MAP_SHARED); gives the
 * address. Throws when the system refuses. Nothing may be read beyond the file's end.
 */
export function mapFile(fd: number, offset: number, length: number): number {
  return map(length, MAP_SHARED, fd, offset);
}

/** Gives memory back; no view of it may be used any more. */
export function unmap(address: number, length: number): void {
  libc().munmap(pointerTo(address), length);
}

/** Views of mapped memory; only for what stays mapped as long as they are used, and below 4 GiB long. */
export function viewsOf(address: number, length: number): Block {
  const buffer = toArrayBuffer(pointerTo(address), 0, length);
  return { address, bytes: new Uint8Array(buffer), view: new DataView(buffer) };
}

/** Copies mapped memory; both ranges have to be checked before (memmove(3)). */
export function copyMemory(target: number, source: number, length: number): void {
  libc().memmove(target, source, length);
}

/**
 * Lets go of the pages of this program's own code, which the kernel brings again as they are run (madvise(2),
 * MADV_DONTNEED: nobody has written to a mapping that nobody may write to). Does nothing where there is no proc(5).
 */
export function releaseCode(): void {
  for (const { address, length } of codeIn(textOf("/proc/self/maps"), process.execPath)) {
    libc().madvise(pointerTo(address), length, MADV_DONTNEED);
  }
}

/** The mappings of a program's code in the text of /proc/PID/maps. */
export function codeIn(maps: string, program: string): { readonly address: number; readonly length: number }[] {
  return maps.split("\n").flatMap((line) => {
    const [, from = "", to = "", path] = /^([0-9a-f]+)-([0-9a-f]+) r-xp \S+ \S+ \d+ +(.+)$/.exec(line) ?? [];
    const address = Number.parseInt(from, 16);
    return path === program ? [{ address, length: Number.parseInt(to, 16) - address }] : [];
  });
}

// --- internal ---

const MADV_DONTNEED = 4;
const textBytes = 256;
let textBlock: Block | undefined;

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

const PROT_READ_WRITE = 3;
const MAP_SHARED = 1;
const MAP_PRIVATE = 2;
const MAP_ANONYMOUS = 0x20;
const MAP_ANON_DARWIN = 0x1000;

function map(length: number, flags: number, fd: number, offset: number): number {
  const address = Number(libc().mmap(null, length, PROT_READ_WRITE, flags, fd, offset));
  // MAP_FAILED is -1, which comes as a number or as 2^64 - 1.
  if (address > 0 && address < 2 ** 63) return address;
  throw new Error(`${length} bytes cannot be mapped`);
}

/** Addresses are below 2^47: a number holds them. */
function pointerTo(address: number): Pointer {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- bun:ffi's brand, which only its own functions give
  return address as Pointer;
}

const { i32, ptr, i64_fast, u64_fast } = FFIType;

const libc = fromLibrary({
  mmap: { args: [ptr, u64_fast, i32, i32, i32, i64_fast], returns: ptr },
  munmap: { args: [ptr, u64_fast], returns: i32 },
  madvise: { args: [ptr, u64_fast, i32], returns: i32 },
  // Addresses as numbers: a conversion to pointers would be of no use to anybody.
  memmove: { args: [u64_fast, u64_fast, u64_fast], returns: FFIType.void },
});
