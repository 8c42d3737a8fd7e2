/**
 * Folders as they are listed. macOS gives positions that mean something to their own descriptor alone, and not every
 * file system gives any, so a folder is read as a whole when it is read from its beginning, and positions are counted.
 */
import { type Entries, entryLength } from "./layouts.ts";

/** Reads all entries of a folder from its beginning; an error's number below zero. */
export type ReadAll = (fd: number) => readonly Entries[] | number;

/** So many folders are remembered at once, some 50 bytes for each entry: what a guest lists more of is read anew. */
const keptMax = 8;

/** The folders that are open to be read. */
export class Listings {
  readonly #readAll: ReadAll;
  readonly #entries = new Map<number, readonly Entries[]>();
  readonly #positions = new Map<number, number>();

  constructor(readAll: ReadAll) {
    this.#readAll = readAll;
  }

  /** A folder is open, and at its beginning. */
  open(fd: number): void {
    this.#positions.set(fd, 0);
  }

  /** The descriptor is closed. */
  close(fd: number): void {
    this.#positions.delete(fd);
    this.#entries.delete(fd);
  }

  has(fd: number): boolean {
    return this.#positions.has(fd);
  }

  /** Goes on at a position that came with an entry, or at the beginning, 0. */
  seek(fd: number, position: number): void {
    this.#positions.set(fd, position);
  }

  /** Copies whole entries from the position on, as many as `to` has room for; gives their bytes, or an error. */
  read(fd: number, to: Uint8Array): number {
    let position = this.#positions.get(fd) ?? 0;
    const listed = this.#listed(fd, position === 0);
    if (typeof listed === "number") return listed;
    let used = 0;
    for (const entries of listed) {
      const { bytes, before, count } = entries;
      if (position >= before + count) continue;
      for (let at = 0, index = before; at < bytes.length; index += 1) {
        const length = entryLength(entries, at);
        if (index >= position) {
          if (used + length > to.length) return this.#stop(fd, position, used);
          to.set(bytes.subarray(at, at + length), used);
          used += length;
          position = index + 1;
        }
        at += length;
      }
    }
    return this.#stop(fd, position, used);
  }

  #stop(fd: number, position: number, used: number): number {
    this.#positions.set(fd, position);
    return used;
  }

  #listed(fd: number, isAnew: boolean): readonly Entries[] | number {
    const known = isAnew ? undefined : this.#entries.get(fd);
    if (known !== undefined) return known;
    const entries = this.#readAll(fd);
    if (typeof entries === "number") return entries;
    this.#entries.delete(fd);
    this.#entries.set(fd, entries);
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > keptMax && oldest !== undefined) this.#entries.delete(oldest);
    return entries;
  }
}
