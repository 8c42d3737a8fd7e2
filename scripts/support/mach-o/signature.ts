/** The code signature of a program of macOS, as far as a program without a developer's certificate has one: ad hoc. */
import { createHash } from "node:crypto";
import { type Extent, viewOf } from "./parse.ts";

/** A code directory: what the kernel holds each page of a program to (XNU's osfmk/kern/cs_blobs.h). */
export type CodeDirectory = {
  readonly identifier: string;
  readonly flags: number;
  /** How much of the file it covers, in bytes from its beginning. */
  readonly codeLimit: number;
  readonly pageBytes: number;
  /** The SHA-256 of each page, in hex. */
  readonly pages: readonly string[];
  /** The blobs beside the code directories, by their slot: requirements, entitlements, a CMS signature. */
  readonly otherSlots: readonly number[];
};

/** Flags of a code directory. */
export const codeFlags = { adHoc: 0x2, hardenedRuntime: 0x1_0000, linkerSigned: 0x2_0000 } as const;

const magics = { superBlob: 0xfade0cc0, codeDirectory: 0xfade0c02 };
const codeDirectorySlot = 0;
const sha256 = { type: 2, bytes: 32 };

/** Reads the signature that lies at `at`. Throws an error that says what of it is not as it must be. */
export function parseSignature(file: Uint8Array, at: Extent): CodeDirectory {
  const blob = file.subarray(at.offset, at.offset + at.size);
  const view = viewOf(blob);
  // All of a signature is big-endian.
  const word = (offset: number): number => {
    if (offset + 4 > blob.byteLength) throw new Error("Its signature is cut off.");
    return view.getUint32(offset, false);
  };
  if (word(0) !== magics.superBlob || word(4) > at.size) throw new Error("Its signature is no SuperBlob of its size.");
  const slots = Array.from({ length: Math.min(word(8), 64) }, (_, index) => ({
    slot: word(12 + 8 * index),
    offset: word(16 + 8 * index),
  }));
  const start = slots.find(({ slot }) => slot === codeDirectorySlot)?.offset;
  if (start === undefined || word(start) !== magics.codeDirectory)
    throw new Error("Its signature has no code directory.");
  const [hashBytes, hashType] = [blob[start + 36], blob[start + 37]];
  if (hashBytes !== sha256.bytes || hashType !== sha256.type) throw new Error("Its pages are not signed by SHA-256.");
  const [hashes, pageCount] = [start + word(start + 16), word(start + 28)];
  const end = start + word(start + 4);
  if (hashes + pageCount * sha256.bytes > Math.min(end, blob.byteLength))
    throw new Error("Its page hashes are cut off.");
  const name = blob.subarray(start + word(start + 20), end);
  return {
    identifier: new TextDecoder().decode(name.subarray(0, name.indexOf(0))),
    flags: word(start + 12),
    codeLimit: word(start + 32),
    pageBytes: 2 ** (blob[start + 39] ?? 0),
    pages: Array.from({ length: pageCount }, (_, index) => {
      const from = hashes + index * sha256.bytes;
      return Buffer.from(blob.subarray(from, from + sha256.bytes)).toString("hex");
    }),
    otherSlots: slots.map(({ slot }) => slot).filter((slot) => slot !== codeDirectorySlot),
  };
}

/** The SHA-256 of each page of what a code directory covers, in hex. */
export function pageHashes(file: Uint8Array, codeLimit: number, pageBytes: number): readonly string[] {
  const hashes: string[] = [];
  for (let at = 0; at < codeLimit; at += pageBytes) {
    const page = file.subarray(at, Math.min(at + pageBytes, codeLimit));
    hashes.push(createHash("sha256").update(page).digest("hex"));
  }
  return hashes;
}
