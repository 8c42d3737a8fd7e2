/** What the server of a mount reads of a guest, of QEMU and of the host's files, with what must hold whatever comes. */
import { statx } from "../../src/system/kernel/statx.ts";
import { Call } from "../../src/host/virtiofs/fuse/call.ts";
import { formatOwner, ownerIn, parseOwner, writeOwner } from "../../src/host/virtiofs/node/owner.ts";
import { fileType } from "../../src/host/virtiofs/node/stat.ts";
import { BrokenRing, type GuestMemory } from "../../src/host/virtiofs/ring/chain.ts";
import { Segments } from "../../src/host/virtiofs/ring/segments.ts";
import { ringBytes, SplitRing } from "../../src/host/virtiofs/ring/split-ring.ts";
import * as vhost from "../../src/host/virtiofs/vhost/wire.ts";
import type { FuzzTarget } from "./fuzz-targets.ts";

const ringSize = 8;
const lengths = ringBytes(ringSize);
const partsBytes = lengths.descriptors + lengths.available + lengths.used;
/** The guest's memory, from address 0 on: a ring, and room for buffers and tables. */
const memoryBytes = 4096;

/** A request that the ring's guest makes well: a chain of three descriptors, or a table of them elsewhere. */
function ringSeed(isIndirect: boolean): Buffer {
  const bytes = Buffer.alloc(memoryBytes);
  const describe = (at: number, address: number, length: number, flags: number, next: number): void => {
    bytes.writeBigUInt64LE(BigInt(address), at);
    bytes.writeUInt32LE(length, at + 8);
    bytes.writeUInt16LE(flags, at + 12);
    bytes.writeUInt16LE(next, at + 14);
  };
  const table = isIndirect ? 1024 : 0;
  if (isIndirect) describe(0, table, 48, 4, 0);
  describe(table, 2048, 56, 1, 1);
  describe(table + 16, 2304, 16, 3, 2);
  describe(table + 32, 2560, 512, 2, 0);
  bytes.writeUInt16LE(1, lengths.descriptors + 2);
  return bytes;
}

/** Memory that tells of everything that is asked for beyond it. */
class FuzzedMemory implements GuestMemory {
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  translate(address: number, length: number, into: Segments): boolean {
    if (address < 0 || address + length > memoryBytes) return false;
    into.add(address, length);
    return true;
  }

  copyOf(address: number, length: number): DataView | undefined {
    if (address + length > memoryBytes) return undefined;
    return new DataView(Uint8Array.from(this.#bytes.subarray(address, address + length)).buffer);
  }
}

function takeAll(bytes: Buffer): void {
  const view = (at: number, length: number): DataView => new DataView(bytes.buffer, bytes.byteOffset + at, length);
  const parts = {
    descriptors: view(0, lengths.descriptors),
    available: view(lengths.descriptors, lengths.available),
    used: view(lengths.descriptors + lengths.available, lengths.used),
  };
  const ring = new SplitRing(ringSize, parts, 0, true);
  const chain = { readable: new Segments(), writable: new Segments() };
  const memory = new FuzzedMemory(bytes);
  for (let taken = 0; ; taken += 1) {
    const head = ring.take(memory, chain);
    if (head === undefined) return;
    if (head >= ringSize || taken >= ringSize) throw new Error("More is taken than the ring has.");
    for (const segments of [chain.readable, chain.writable]) {
      segments.each(0, segments.total, (address, length) => {
        if (address + length > memoryBytes) throw new Error("A buffer goes beyond the memory.");
      });
    }
    ring.complete(head, 0);
  }
}

/** A parser that may refuse, in one way only. */
function refusing(action: () => unknown, kind: new (message: string) => Error): void {
  try {
    action();
  } catch (error) {
    if (!(error instanceof kind)) throw error;
  }
}

const header = (request: number, size: number): Buffer => Buffer.from(new Uint32Array([request, 1, size]).buffer);

/** By name, as in fuzz-targets.ts. */
export const virtiofsTargets: Readonly<Record<string, FuzzTarget>> = {
  "virtio-ring": {
    seeds: [ringSeed(false), ringSeed(true)],
    take(bytes, chance) {
      const memory = Buffer.alloc(memoryBytes);
      memory.set(bytes.subarray(0, memoryBytes));
      // What the guest writes into its ring is more often wrong than what is in its buffers.
      memory[chance.below(partsBytes)] = chance.below(256);
      refusing(() => takeAll(memory), BrokenRing);
    },
  },
  "fuse-request": {
    seeds: ["name\0", "a\0../target\0", "user.qn.owner\0value", `${"x".repeat(300)}\0`].map((text) =>
      Buffer.concat([Buffer.alloc(40), Buffer.from(text)]),
    ),
    take(bytes, chance) {
      const whole = new Uint8Array(8192).fill(65);
      whole.set(bytes.subarray(0, 4096));
      const call = new Call({ address: 0, bytes: whole, view: new DataView(whole.buffer) });
      call.length = Math.min(bytes.length, 4096);
      const from = chance.below(64);
      const length = call.nameLength(from);
      if (length < 0) return;
      const name = Buffer.from(whole.subarray(40 + from, 40 + from + length)).toString("latin1");
      if (name === "" || name === "." || name === ".." || /[\0/]/.test(name) || 40 + from + length >= call.length)
        throw new Error("A name leads elsewhere.");
    },
  },
  "vhost-message": {
    seeds: [
      Buffer.concat([header(5, 40), Buffer.from(new BigUint64Array([1n, 0n, 4096n, 4096n, 0n]).buffer)]),
      Buffer.concat([header(9, 40), Buffer.from(new BigUint64Array([0n, 0n, 4096n, 8192n, 0n]).buffer)]),
    ],
    take(bytes) {
      const whole = new Uint8Array(vhost.headerBytes + vhost.payloadMax);
      whole.set(bytes.subarray(0, whole.length));
      refusing(() => vhost.parseHeader(new DataView(whole.buffer)), RangeError);
      const payload = new DataView(whole.buffer, vhost.headerBytes);
      for (const parse of [vhost.parseMemoryTable, vhost.parseRingAddresses, vhost.parseRingState])
        refusing(() => parse(payload), RangeError);
    },
  },
  "kept-owner": {
    seeds: ["999:999:100600:0", "0:0:40755:0", "0:0:60660:2049"].map((text) => Buffer.from(text)),
    take(bytes, chance) {
      const owner = parseOwner(bytes);
      if (owner === undefined) return;
      if (Buffer.from(bytes).toString("latin1").length > 40) throw new Error("An owner is longer than any.");
      if (!Bun.deepEquals(parseOwner(Buffer.from(formatOwner(owner))), owner)) throw new Error("It is another one.");
      const stat = new DataView(new ArrayBuffer(256));
      const type = chance.below(16);
      stat.setUint16(statx.mode, (type << 12) | chance.below(0o10000), true);
      stat.setUint32(statx.size, chance.below(2), true);
      writeOwner(stat, owner);
      const seen = ownerIn(stat).mode >>> 12;
      if (seen !== type && (type !== fileType.regular || seen === fileType.folder || seen === fileType.link))
        throw new Error("A file becomes what it cannot stand in for.");
    },
  },
};
