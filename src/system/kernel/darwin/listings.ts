/**
 * Folders as they are listed. macOS gives positions that mean something to their own descriptor alone, and not every
 * file system gives any, so a folder is read as a whole when it is read from its beginning, and positions are counted.
 */

/** Reads all entries of a folder from its beginning, as Linux' records; an error's number below zero. */
export type ReadAll = (fd: number) => readonly Uint8Array[] | number;

/** So many folders are remembered at once: what a guest lists more of is read anew. */
const keptMax = 16;

/** The folders that are open to be read. */
export class Listings {
  readonly #readAll: ReadAll;
  readonly #entries = new Map<number, readonly Uint8Array[]>();
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
    const from = this.#positions.get(fd) ?? 0;
    const entries = this.#listed(fd, from === 0);
    if (typeof entries === "number") return entries;
    let used = 0;
    let position = from;
    for (; position < entries.length; position += 1) {
      const record = entries[position] ?? new Uint8Array();
      if (used + record.length > to.length) break;
      to.set(record, used);
      used += record.length;
    }
    this.#positions.set(fd, position);
    return used;
  }

  #listed(fd: number, isAnew: boolean): readonly Uint8Array[] | number {
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
