/** A small program of macOS: three pages of code, symbols and strings, and, if asked for, an ad hoc signature. */
import { pageHashes } from "../../scripts/support/mach-o/signature.ts";

const pageBytes = 4096;
const text = { offset: 0, size: 3 * pageBytes };
const symbols = { offset: text.size, count: 2 };
const strings = { offset: symbols.offset + 16 * symbols.count, size: 100 };
const contentEnd = strings.offset + strings.size;
/** A signature begins at a multiple of 16. */
const signatureStart = Math.ceil(contentEnd / 16) * 16;
const processors = { x64: 0x01000007, arm64: 0x0100000c };

/** What is other about a program: its signature's flags and how much of the file it covers. */
export type Signing = { readonly flags: number; readonly codeLimit: number };

/** The signature that Apple's linker gives a program. */
export const linkerSigned: Signing = { flags: 0x2_0002, codeLimit: signatureStart };

/** The bytes of a program, signed as `signing` says or not at all. */
export function machOProgram(arch: "x64" | "arm64", signing?: Signing): Uint8Array {
  const pages = signing === undefined ? 0 : Math.ceil(signing.codeLimit / pageBytes);
  const signatureBytes = superBlobHead + directoryHead + name.length + 32 * pages;
  const end = signing === undefined ? contentEnd : signatureStart + signatureBytes;
  const commands = [
    segment("__TEXT", text),
    segment("__LINKEDIT", { offset: text.size, size: end - text.size }),
    words(0x2, 24, symbols.offset, symbols.count, strings.offset, strings.size),
    ...(signing === undefined ? [] : [words(0x1d, 16, signatureStart, signatureBytes)]),
  ];
  const commandBytes = Buffer.concat(commands);
  const file = Buffer.alloc(end, 0x90);
  const head = [0xfeedfacf, processors[arch], 0, 2, commands.length, commandBytes.length, 0, 0];
  // Linkers leave room behind the load commands, which is empty.
  file.fill(0, 0, pageBytes);
  Buffer.concat([words(...head), commandBytes]).copy(file);
  if (signing !== undefined) superBlob(file, signing, signatureBytes).copy(file, signatureStart);
  return new Uint8Array(file);
}

// --- internal ---

const name = Buffer.from("qn\0");
const superBlobHead = 12 + 8;
/** The head of a code directory of version 0x20400. */
const directoryHead = 88;

function superBlob(file: Uint8Array, { flags, codeLimit }: Signing, bytes: number): Buffer {
  const hashes = pageHashes(file, codeLimit, pageBytes).map((hash) => Buffer.from(hash, "hex"));
  const directory = Buffer.alloc(directoryHead);
  const hashOffset = directoryHead + name.length;
  const fields = [
    0xfade0c02,
    bytes - superBlobHead,
    0x20400,
    flags,
    hashOffset,
    directoryHead,
    0,
    hashes.length,
    codeLimit,
  ];
  for (const [index, field] of fields.entries()) directory.writeUInt32BE(field, 4 * index);
  // The bytes of a hash, SHA-256, no platform, and the size of a page as a power of two.
  Buffer.from([32, 2, 0, 12]).copy(directory, 36);
  const head = Buffer.alloc(superBlobHead);
  for (const [index, field] of [0xfade0cc0, bytes, 1, 0, superBlobHead].entries()) head.writeUInt32BE(field, 4 * index);
  return Buffer.concat([head, directory, name, ...hashes]);
}

function segment(title: string, { offset, size }: { readonly offset: number; readonly size: number }): Buffer {
  const command = Buffer.alloc(72);
  words(0x19, command.length).copy(command);
  command.write(title, 8);
  command.writeBigUInt64LE(BigInt(Math.ceil(size / pageBytes) * pageBytes), 32);
  command.writeBigUInt64LE(BigInt(offset), 40);
  command.writeBigUInt64LE(BigInt(size), 48);
  return command;
}

function words(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [index, value] of values.entries()) bytes.writeUInt32LE(value, 4 * index);
  return bytes;
}
