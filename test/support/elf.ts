/** Small programs as ELF files (elf(5)), without a compiler. */
import type { Arch } from "../../src/base/words.ts";

/** Where a program is loaded, as linkers do it by default. */
const address = 0x400000n;

/** Headers of the file and of its one segment. */
const headerBytes = 64 + 56;

/** Numbers of processors (e_machine). */
const machines: Readonly<Record<Arch, number>> = { x86_64: 62, aarch64: 183 };

/** A program of this machine code, which is entered at its beginning and may lie anywhere. */
export function elfProgram(arch: Arch, code: Buffer): Uint8Array {
  const header = Buffer.alloc(headerBytes);
  header.write("\x7fELF\x02\x01\x01", "latin1");
  // An executable, entered right behind the headers.
  header.writeUInt16LE(2, 16);
  header.writeUInt16LE(machines[arch], 18);
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(address + BigInt(headerBytes), 24);
  header.writeBigUInt64LE(64n, 32);
  header.writeUInt16LE(64, 52);
  header.writeUInt16LE(56, 54);
  header.writeUInt16LE(1, 56);
  // One segment, read and run: the whole file.
  const size = BigInt(headerBytes + code.length);
  header.writeUInt32LE(1, 64);
  header.writeUInt32LE(5, 68);
  header.writeBigUInt64LE(address, 80);
  header.writeBigUInt64LE(address, 88);
  header.writeBigUInt64LE(size, 96);
  header.writeBigUInt64LE(size, 104);
  header.writeBigUInt64LE(4096n, 112);
  return Buffer.concat([header, code]);
}

/** write(1, the words behind the code, their length); exit(0), for each processor. */
const greetings: Readonly<Record<Arch, readonly [code: string, words: string]>> = {
  x86_64: ["b801000000bf01000000488d3510000000ba070000000f05b83c00000031ff0f05", "x86_64\n"],
  aarch64: ["200080d2e1000010020180d2080880d2010000d4000080d2a80b80d2010000d4", "aarch64\n"],
};

/** A program that prints the name of the processor that it is for. */
export function greetingProgram(arch: Arch): Uint8Array {
  const [code, words] = greetings[arch];
  return elfProgram(arch, Buffer.concat([Buffer.from(code, "hex"), Buffer.from(words)]));
}
