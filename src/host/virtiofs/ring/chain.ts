/**
 * The chain of descriptors of one request (virtio 1.2, 2.7.5): from a hostile ring to checked pieces of memory; pure.
 */
import type { Segments } from "./segments.ts";

/** The guest's memory, as far as it is this process'. */
export type GuestMemory = {
  /** Adds the pieces that a range of guest addresses is here; false when any of it is nowhere. */
  translate(address: number, length: number, into: Segments): boolean;
  /** A copy of the guest's bytes, which the guest cannot change any more; nothing when they are nowhere. */
  copyOf(address: number, length: number): DataView | undefined;
};

/** A ring that no driver makes: the guest is broken, or hostile. */
export class BrokenRing extends Error {}

/** What the guest lets be read and written for one request. */
export type Chain = { readonly readable: Segments; readonly writable: Segments };

const NEXT = 1;
const WRITE = 2;
const INDIRECT = 4;

/** The length of one descriptor: address, length, flags, next. */
export const descriptorBytes = 16;

/** Linux' virtiofs has at most a segment for each page of a megabyte and a few around it. */
const indirectMax = 1100;

/** The bytes of a request, both ways together. */
const bytesMax = 4 * 2 ** 20;

/**
 * Reads the chain that begins at `head` of a table of `size` descriptors into `chain`. Each descriptor is read once.
 * Throws BrokenRing on indexes outside, loops, tables in tables, memory that is nowhere, and what is to be read after
 * what is to be written.
 */
export function readChain(table: DataView, size: number, head: number, memory: GuestMemory, chain: Chain): void {
  chain.readable.clear();
  chain.writable.clear();
  if (head >= size) throw new BrokenRing(`a chain begins at ${head} of ${size}`);
  const at = head * descriptorBytes;
  const flags = table.getUint16(at + 12, true);
  if ((flags & INDIRECT) === 0) {
    follow(table, size, head, memory, chain);
    return;
  }
  const length = table.getUint32(at + 8, true);
  const count = length / descriptorBytes;
  if ((flags & (NEXT | WRITE)) !== 0 || !Number.isInteger(count) || count === 0 || count > indirectMax)
    throw new BrokenRing(`an indirect table of ${length} bytes with flags ${flags}`);
  const copy = memory.copyOf(addressAt(table, at), length);
  if (copy === undefined) throw new BrokenRing("an indirect table that is nowhere");
  follow(copy, count, 0, memory, chain);
}

// --- internal ---

function follow(table: DataView, size: number, head: number, memory: GuestMemory, chain: Chain): void {
  let index = head;
  for (let steps = 1; ; steps += 1) {
    // In a table of n there is no chain longer than n but a loop.
    if (steps > size) throw new BrokenRing("a chain that never ends");
    if (index >= size) throw new BrokenRing(`a chain goes on at ${index} of ${size}`);
    const at = index * descriptorBytes;
    const address = addressAt(table, at);
    const length = table.getUint32(at + 8, true);
    const flags = table.getUint16(at + 12, true);
    index = table.getUint16(at + 14, true);
    if ((flags & INDIRECT) !== 0) throw new BrokenRing("a table in a chain or in a table");
    const isWritable = (flags & WRITE) !== 0;
    if (!isWritable && chain.writable.total > 0) throw new BrokenRing("what is to be read after what is to be written");
    if (chain.readable.total + chain.writable.total + length > bytesMax) throw new BrokenRing("a request too long");
    if (!memory.translate(address, length, isWritable ? chain.writable : chain.readable))
      throw new BrokenRing(`${length} bytes at ${address} are no memory`);
    if ((flags & NEXT) === 0) return;
  }
}

/** The address in a descriptor; one that no number holds is nowhere. */
function addressAt(table: DataView, at: number): number {
  return table.getUint32(at + 4, true) * 2 ** 32 + table.getUint32(at, true);
}
