/** Chains of descriptors, from drivers that are correct, random and hostile. */
import { expect, test } from "bun:test";
import { BrokenRing, descriptorBytes, type GuestMemory, readChain } from "../../../../src/host/virtiofs/ring/chain.ts";
import { Segments } from "../../../../src/host/virtiofs/ring/segments.ts";
import { ringBytes, SplitRing } from "../../../../src/host/virtiofs/ring/split-ring.ts";

const NEXT = 1;
const WRITE = 2;
const INDIRECT = 4;
const size = 8;

type Descriptor = readonly [address: number, length: number, flags: number, next?: number];

/** A guest of 64 KiB at address 4096, whose memory is at 1,000,000 here; tables are what a test writes into it. */
class SmallGuest implements GuestMemory {
  readonly bytes = new DataView(new ArrayBuffer(65_536));

  translate(address: number, length: number, into: Segments): boolean {
    if (address < 4096 || address + length > 4096 + this.bytes.byteLength) return false;
    into.add(address - 4096 + 1_000_000, length);
    return true;
  }

  copyOf(address: number, length: number): DataView | undefined {
    if (address < 4096 || address + length > 4096 + this.bytes.byteLength) return undefined;
    return new DataView(this.bytes.buffer.slice(address - 4096, address - 4096 + length));
  }
}

function tableOf(
  descriptors: readonly Descriptor[],
  into = new DataView(new ArrayBuffer(size * descriptorBytes)),
  at = 0,
) {
  for (const [index, [address, length, flags, next = 0]] of descriptors.entries()) {
    const from = at + index * descriptorBytes;
    into.setBigUint64(from, BigInt(address), true);
    into.setUint32(from + 8, length, true);
    into.setUint16(from + 12, flags, true);
    into.setUint16(from + 14, next, true);
  }
  return into;
}

const newChain = () => ({ readable: new Segments(), writable: new Segments() });

function read(descriptors: readonly Descriptor[], head = 0, guest = new SmallGuest()) {
  const chain = newChain();
  readChain(tableOf(descriptors), size, head, guest, chain);
  return [chain.readable.total, chain.writable.total];
}

test("a chain gives what may be read and what may be written, in their order", () => {
  const chain = newChain();
  const descriptors: Descriptor[] = [
    [4096, 40, NEXT, 2],
    [5000, 16, WRITE],
    [8192, 100, NEXT, 1],
  ];
  readChain(tableOf(descriptors), size, 0, new SmallGuest(), chain);
  const pieces: number[][] = [];
  chain.readable.each(0, 1000, (address, length) => pieces.push([address, length]));
  expect(pieces).toEqual([
    [1_000_000, 40],
    [1_004_096, 100],
  ]);
  expect(chain.writable.total).toBe(16);
});

test("a table in the guest's memory stands for the whole chain", () => {
  const guest = new SmallGuest();
  tableOf(
    [
      [4096, 40, NEXT, 1],
      [8192, 16, WRITE],
    ],
    guest.bytes,
    256,
  );
  expect(read([[4096 + 256, 2 * descriptorBytes, INDIRECT]], 0, guest)).toEqual([40, 16]);
});

test("a request that names the same memory over and over is too long past 4 MiB, and a table past 1,100 descriptors", () => {
  const readTable = (count: number, length: number) => {
    const guest = new SmallGuest();
    const table = Array.from({ length: count }, (_, index): Descriptor => {
      const isLast = index === count - 1;
      return [4096, length, isLast ? 0 : NEXT, isLast ? 0 : index + 1];
    });
    tableOf(table, guest.bytes);
    return () => read([[4096, count * descriptorBytes, INDIRECT]], 0, guest);
  };
  expect(readTable(64, 65_536)()).toEqual([4 * 2 ** 20, 0]);
  expect(readTable(65, 65_536)).toThrow(BrokenRing);
  expect(readTable(1100, 0)()).toEqual([0, 0]);
  expect(readTable(1101, 0)).toThrow(BrokenRing);
});

test.each<[string, readonly Descriptor[], number?]>([
  ["a head outside the table", [], 8],
  ["a next outside the table", [[4096, 4, NEXT, 8]]],
  [
    "a loop",
    [
      [4096, 4, NEXT, 1],
      [4096, 4, NEXT, 0],
    ],
  ],
  ["a descriptor that follows itself", [[4096, 0, NEXT, 0]]],
  [
    "what is to be read after what is to be written",
    [
      [4096, 4, WRITE | NEXT, 1],
      [4096, 4, 0],
    ],
  ],
  ["memory below the guest's", [[4000, 200, 0]]],
  ["memory beyond the guest's", [[4096, 65_537, 0]]],
  ["an address that runs over", [[2 ** 53, 8, 0]]],
  ["a length of four gigabytes", [[4096, 0xffffffff, WRITE]]],
  ["a table of no whole descriptors", [[4096, 24, INDIRECT]]],
  ["an empty table", [[4096, 0, INDIRECT]]],
  ["a table of millions", [[4096, 0x10000000, INDIRECT]]],
  [
    "a table that goes on",
    [
      [4096, 32, INDIRECT | NEXT, 1],
      [4096, 4, 0],
    ],
  ],
  [
    "a table behind another descriptor",
    [
      [4096, 4, NEXT, 1],
      [4096, 32, INDIRECT],
    ],
  ],
  ["a table that is nowhere", [[0, 32, INDIRECT]]],
])("%s breaks the ring", (_, descriptors, head = 0) => {
  expect(() => read(descriptors, head)).toThrow(BrokenRing);
});

test("a table in a table breaks the ring", () => {
  const guest = new SmallGuest();
  tableOf([[4096, 16, INDIRECT]], guest.bytes);
  expect(() => read([[4096, 16, INDIRECT]], 0, guest)).toThrow(BrokenRing);
});

test("noise in a table ends in a chain or in a broken ring, and in nothing else", () => {
  let chains = 0;
  for (let round = 0; round < 20_000; round += 1) {
    const guest = new SmallGuest();
    const noise = crypto.getRandomValues(new Uint8Array(size * descriptorBytes));
    const table = new DataView(noise.buffer);
    // Addresses that may be memory, so that not all ends at the first.
    for (let at = 0; at < size; at += 1)
      table.setBigUint64(at * descriptorBytes, BigInt(4096 + (noise[at] ?? 0)), true);
    for (let at = 0; at < size; at += 1) table.setUint32(at * descriptorBytes + 8, (noise[at + 16] ?? 0) * 16, true);
    for (let at = 0; at < size; at += 1) table.setUint16(at * descriptorBytes + 12, (noise[at + 32] ?? 0) & 7, true);
    for (let at = 0; at < size; at += 1) table.setUint16(at * descriptorBytes + 14, (noise[at + 48] ?? 0) % 9, true);
    try {
      readChain(table, size, round % size, guest, newChain());
      chains += 1;
    } catch (error) {
      expect(error).toBeInstanceOf(BrokenRing);
    }
  }
  expect(chains).toBeGreaterThan(100);
});

/** A ring of eight, with a driver's hand on it. */
function ringOf(next = 0, hasEventIndex = true) {
  const lengths = ringBytes(size);
  const parts = {
    descriptors: tableOf([[4096, 40, 0]]),
    available: new DataView(new ArrayBuffer(lengths.available)),
    used: new DataView(new ArrayBuffer(lengths.used)),
  };
  parts.available.setUint16(2, next, true);
  parts.used.setUint16(2, next, true);
  const offer = (count: number): void =>
    parts.available.setUint16(2, (parts.available.getUint16(2, true) + count) & 0xffff, true);
  return { ring: new SplitRing(size, parts, next, hasEventIndex), parts, offer };
}

test("a ring gives each request once, over the end of its counters too", () => {
  const { ring, parts, offer } = ringOf(65_534);
  for (let round = 0; round < 20; round += 1) {
    offer(3);
    for (let each = 0; each < 3; each += 1) {
      expect(ring.take(new SmallGuest(), newChain())).toBe(0);
      ring.complete(0, 7);
    }
    expect(ring.take(new SmallGuest(), newChain())).toBeUndefined();
    expect(parts.used.getUint16(2, true)).toBe(parts.available.getUint16(2, true));
  }
  expect(parts.used.getUint32(4 + 8 * ((65_534 + 59) % size) + 4, true)).toBe(7);
});

test("a driver is called for the request that it asked to be called for, and for no other", () => {
  const { ring, parts, offer } = ringOf();
  parts.available.setUint16(4 + 2 * size, 1, true);
  offer(3);
  const calls = [0, 1, 2].map(() => {
    ring.take(new SmallGuest(), newChain());
    return ring.complete(0, 0);
  });
  expect(calls).toEqual([false, true, false]);
});

test("a driver without event index is called unless it says that it looks itself", () => {
  const { ring, parts, offer } = ringOf(0, false);
  offer(2);
  ring.take(new SmallGuest(), newChain());
  expect(ring.complete(0, 0)).toBe(true);
  parts.available.setUint16(0, 1, true);
  ring.take(new SmallGuest(), newChain());
  expect(ring.complete(0, 0)).toBe(false);
});

test("a request that comes while a ring goes to sleep is not slept over", () => {
  const { ring, parts, offer } = ringOf();
  expect(ring.rearm()).toBe(false);
  expect(parts.used.getUint16(4 + 8 * size, true)).toBe(0);
  offer(1);
  expect(ring.rearm()).toBe(true);
});

test("a ring that says it has more requests than room is broken", () => {
  const { ring, offer } = ringOf();
  offer(size + 1);
  expect(() => ring.take(new SmallGuest(), newChain())).toThrow(BrokenRing);
});

test.each([0, 3, 65_536, -1])("there is no ring of %d", (wrong) => {
  expect(() => ringBytes(wrong)).toThrow(BrokenRing);
});

test("pieces of memory are cut wherever a request asks", () => {
  const segments = new Segments();
  segments.add(100, 10);
  segments.add(500, 20);
  const vectors = new DataView(new ArrayBuffer(64));
  expect(segments.writeVectors(vectors, 4, 16)).toBe(2);
  expect([0, 8, 16, 24].map((at) => Number(vectors.getBigUint64(at, true)))).toEqual([104, 6, 500, 10]);
  expect(segments.writeVectors(vectors, 30, 1)).toBe(0);
});
