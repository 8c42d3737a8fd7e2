/** The buffers of one request as addresses in this process, in the order in which the guest named them; pure. */

/** A request's buffers have at most so many pieces: a megabyte by pages, and what stands around it. */
const piecesMax = 1100;

/** Pieces of memory that count as one. Reused from request to request, so that none makes garbage. */
export class Segments {
  readonly #addresses = new Float64Array(piecesMax);
  readonly #lengths = new Float64Array(piecesMax);
  #count = 0;
  #total = 0;

  /** The bytes of all. */
  get total(): number {
    return this.#total;
  }

  /** Forgets all. */
  clear(): void {
    this.#count = 0;
    this.#total = 0;
  }

  /** Adds a piece. Throws when there are too many. */
  add(address: number, length: number): void {
    if (length === 0) return;
    if (this.#count === piecesMax) throw new RangeError(`a request of more than ${piecesMax} pieces`);
    this.#addresses[this.#count] = address;
    this.#lengths[this.#count] = length;
    this.#count += 1;
    this.#total += length;
  }

  /** Calls with each piece of the `length` bytes that follow the first `skip`; fewer where there are no more. */
  each(skip: number, length: number, use: (address: number, length: number) => void): void {
    let before = skip;
    let left = length;
    for (let index = 0; index < this.#count && left > 0; index += 1) {
      const size = this.#lengths[index] ?? 0;
      if (before >= size) {
        before -= size;
        continue;
      }
      const taken = Math.min(size - before, left);
      use((this.#addresses[index] ?? 0) + before, taken);
      before = 0;
      left -= taken;
    }
  }

  /** Writes the same pieces as struct iovec, as far as they fit; gives how many. */
  writeVectors(vectors: DataView, skip: number, length: number): number {
    let count = 0;
    this.each(skip, length, (address, size) => {
      if ((count + 1) * vectorBytes > vectors.byteLength) return;
      setNumber64(vectors, count * vectorBytes, address);
      setNumber64(vectors, count * vectorBytes + 8, size);
      count += 1;
    });
    return count;
  }
}

/** The length of struct iovec. */
const vectorBytes = 16;

/** Writes a whole number below 2^53 as 64 bits. */
function setNumber64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value % 2 ** 32, true);
  view.setUint32(at + 4, Math.floor(value / 2 ** 32), true);
}
