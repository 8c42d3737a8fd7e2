/** The guest's memory, mapped into this process: checked addresses in, pieces of memory out. */
import { allocate, type Block, copyMemory, mapFile, unmap, viewsOf } from "../../../system/kernel/memory.ts";
import { closeFd } from "../../../system/kernel/file-calls.ts";
import type { GuestMemory } from "../ring/chain.ts";
import type { Segments } from "../ring/segments.ts";
import type { Region } from "./wire.ts";

type Mapped = Region & { readonly address: number; readonly mappedBytes: number; readonly mappedAt: number };

/** What the copies are made in: the longest indirect table, and requests without their data. */
const copyBytes = 32 * 1024;

/** The memory of one guest. */
export class MappedMemory implements GuestMemory {
  #regions: readonly Mapped[] = [];
  readonly #copy: Block = allocate(copyBytes);

  /** Takes another table, with a descriptor for each region, which it closes. Throws when one cannot be mapped. */
  replace(regions: readonly Region[], fds: readonly number[]): void {
    this.release();
    const mapped: Mapped[] = [];
    this.#regions = mapped;
    for (const [index, region] of regions.entries()) {
      // From the file's beginning on: the offset may lie on no boundary of a page.
      const mappedBytes = region.fileOffset + region.size;
      const mappedAt = mapFile(fds[index] ?? -1, 0, mappedBytes);
      mapped.push({ ...region, mappedAt, mappedBytes, address: mappedAt + region.fileOffset });
    }
    for (const fd of fds) closeFd(fd);
  }

  /** Unmaps all. */
  release(): void {
    for (const { mappedAt, mappedBytes } of this.#regions) unmap(mappedAt, mappedBytes);
    this.#regions = [];
  }

  translate(address: number, length: number, into: Segments): boolean {
    let at = address;
    let left = length;
    while (left > 0) {
      const region = this.#regions.find(({ guestAddress, size }) => at >= guestAddress && at < guestAddress + size);
      if (region === undefined) return false;
      const offset = at - region.guestAddress;
      const taken = Math.min(left, region.size - offset);
      into.add(region.address + offset, taken);
      at += taken;
      left -= taken;
    }
    return true;
  }

  copyOf(address: number, length: number): DataView | undefined {
    const region = this.#regions.find(
      ({ guestAddress, size }) => address >= guestAddress && address + length <= guestAddress + size,
    );
    if (region === undefined || length > copyBytes) return undefined;
    copyMemory(this.#copy.address, region.address + (address - region.guestAddress), length);
    return new DataView(this.#copy.view.buffer, 0, length);
  }

  /** A view of what QEMU has at an address of its own. Throws when it lies in no region. */
  viewAt(qemuAddress: number, length: number): DataView {
    const region = this.#regions.find(
      (each) => qemuAddress >= each.qemuAddress && qemuAddress + length <= each.qemuAddress + each.size,
    );
    if (region === undefined) throw new RangeError("vhost-user: a ring that is in no memory");
    return viewsOf(region.address + (qemuAddress - region.qemuAddress), length).view;
  }
}
