/**
 * What macOS opens for nobody without reading it: links, sockets, FIFOs, devices, and what this user may not read,
 * where Linux has O_PATH. A descriptor of the folder stands for such a file, together with its name there and which
 * file that was.
 */
import { allocate, type Block } from "../memory.ts";

/** A name in the folder of which the descriptor is. */
export type ByName = { readonly name: Uint8Array; readonly file: string };

/** NAME_MAX in characters, each of up to three bytes. */
const nameBytes = 1024;

/** Those of this process, by their descriptors. */
export class FilesByName {
  readonly #all = new Map<number, ByName>();
  #block: Block | undefined;

  /** From now on the folder's descriptor stands for what has this name. */
  add(fd: number, name: Uint8Array, file: string): void {
    this.#all.set(fd, { name, file });
  }

  has(fd: number): boolean {
    return this.#all.has(fd);
  }

  get(fd: number): ByName | undefined {
    return this.#all.get(fd);
  }

  /** The descriptor is closed. */
  remove(fd: number): void {
    this.#all.delete(fd);
  }

  /** The address of the name, which ends with a zero byte there; good until the next one is asked for. */
  addressOf({ name }: ByName): number {
    const { address, bytes } = (this.#block ??= allocate(nameBytes));
    bytes.set(name);
    bytes[name.length] = 0;
    return address;
  }
}
