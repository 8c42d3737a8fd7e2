/** One request of FUSE, copied out of the guest's memory before anything of it is believed; pure. */
import type { Block } from "../../../system/kernel/memory.ts";
import { errors, requestHeader } from "./wire.ts";

const nameMax = 255;
const SLASH = 47;
const DOT = 46;

/** A request. Reused: what it says holds until the next one. */
export class Call {
  readonly #block: Block;
  /** The bytes of it, head and arguments; of a write without the data. */
  length = 0;

  /** `block` is where requests are copied to. */
  constructor(block: Block) {
    this.#block = block;
  }

  get opcode(): number {
    return this.#block.view.getUint32(4, true);
  }

  get uniqueLow(): number {
    return this.#block.view.getUint32(8, true);
  }

  get uniqueHigh(): number {
    return this.#block.view.getUint32(12, true);
  }

  /** The two halves of the node's number. */
  get nodeLow(): number {
    return this.#block.view.getUint32(16, true);
  }

  get nodeHigh(): number {
    return this.#block.view.getUint32(20, true);
  }

  get uid(): number {
    return this.#block.view.getUint32(24, true);
  }

  get gid(): number {
    return this.#block.view.getUint32(28, true);
  }

  get bytes(): Uint8Array {
    return this.#block.bytes;
  }

  /** The address of a byte of the arguments. */
  addressOf(offset: number): number {
    return this.#block.address + requestHeader + offset;
  }

  /** Whether the arguments have at least so many bytes. */
  has(bytes: number): boolean {
    return this.length >= requestHeader + bytes;
  }

  u32(offset: number): number {
    return this.#block.view.getUint32(requestHeader + offset, true);
  }

  i32(offset: number): number {
    return this.#block.view.getInt32(requestHeader + offset, true);
  }

  /** 64 bits as a number; what is above 2^53 comes as it can, and is larger than any file. */
  u64(offset: number): number {
    return this.u32(offset + 4) * 2 ** 32 + this.u32(offset);
  }

  /**
   * The length of the name that begins at `offset`, without the zero byte that has to follow: EINVAL for one that is
   * empty, leads elsewhere or never ends, ENAMETOOLONG for one that no folder can have.
   */
  nameLength(offset: number): number {
    const length = this.textLength(offset);
    if (length <= 0) return errors.EINVAL;
    if (length > nameMax) return errors.ENAMETOOLONG;
    const at = requestHeader + offset;
    const { bytes } = this.#block;
    if (bytes[at] === DOT && (length === 1 || (length === 2 && bytes[at + 1] === DOT))) return errors.EINVAL;
    for (let index = at; index < at + length; index += 1) if (bytes[index] === SLASH) return errors.EINVAL;
    return length;
  }

  /** The length of an attribute's name there; EINVAL for none, ENAMETOOLONG for one that Linux does not take. */
  nameText(offset: number): number {
    const length = this.textLength(offset);
    if (length <= 0) return errors.EINVAL;
    return length > nameMax ? errors.ENAMETOOLONG : length;
  }

  /** The length of any text there, which may have slashes; EINVAL when no zero byte ends it. */
  textLength(offset: number): number {
    const at = requestHeader + offset;
    const end = at < this.length ? this.#block.bytes.indexOf(0, at) : -1;
    return end < 0 || end >= this.length ? errors.EINVAL : end - at;
  }
}
