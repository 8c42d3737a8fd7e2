/**
 * How a stream's bytes travel through the gate: in pieces, each behind four bytes of length, the highest first. A piece
 * of no bytes is the stream's end. A connection that ends without it was broken off: slirp turns a reset, and the death
 * of either process, into what looks like a clean end (measured, QEMU 7.2).
 */
import { QnError } from "../base/errors.ts";

/** The longest piece in bytes: no more than what one read from a socket gives. */
const pieceBytesMax = 0xff_ff_ff;

const headBytes = 4;

/**
 * Up to here head and bytes become one write; of more, only the first part does. A write for the head alone would be a
 * packet of its own (there is no Nagle's algorithm on these connections), which costs more than the copy.
 */
const copiedBytesMax = 65_536;

/**
 * Pieces as whoever carries streams uses them: bytes and the end of a stream as they travel, and what takes them apart.
 */
export const pieces = {
  encode: encodePiece,
  end: new Uint8Array(headBytes),
  reader: (): PieceReader => new PieceReader(),
} as const;

/** Takes pieces apart, wherever the stream is cut. It holds no bytes back. */
export class PieceReader {
  /** Bytes of the head that have come, and the number that they make so far. */
  #headBytes = 0;
  #length = 0;
  /** Bytes of the piece that have not come. */
  #missing = 0;
  #isOver = false;
  #rest: Uint8Array = new Uint8Array();

  /** Whether the end has come. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** What came behind the end and together with it: of no stream, or of the next one on the same connection. */
  get rest(): Uint8Array {
    return this.#rest;
  }

  /**
   * The stream's own bytes among those that came. Throws PROTOCOL for a piece that is too long, or once the end has
   * come.
   */
  push(bytes: Uint8Array): Uint8Array[] {
    const own: Uint8Array[] = [];
    if (this.#isOver && bytes.length > 0) throw new QnError("PROTOCOL", "Bytes came behind the end of a stream.");
    let at = 0;
    while (at < bytes.length && !this.#isOver) {
      if (this.#missing > 0) {
        const part = bytes.subarray(at, at + this.#missing);
        own.push(part);
        this.#missing -= part.length;
        at += part.length;
      } else {
        this.#takeHead(bytes[at] ?? 0);
        at += 1;
      }
    }
    this.#rest = bytes.subarray(at);
    return own;
  }

  #takeHead(byte: number): void {
    this.#length = this.#length * 256 + byte;
    this.#headBytes += 1;
    if (this.#headBytes < headBytes) return;
    if (this.#length > pieceBytesMax) throw new QnError("PROTOCOL", `A piece has ${this.#length} bytes.`);
    this.#missing = this.#length;
    this.#isOver = this.#length === 0;
    this.#headBytes = 0;
    this.#length = 0;
  }
}

// --- internal ---

/** Some bytes of a stream as they travel: to be written one after the other. Nothing for no bytes. */
function encodePiece(bytes: Uint8Array): Uint8Array[] {
  if (bytes.length === 0) return [];
  if (bytes.length > pieceBytesMax) {
    return [...encodePiece(bytes.subarray(0, pieceBytesMax)), ...encodePiece(bytes.subarray(pieceBytesMax))];
  }
  const first = bytes.subarray(0, copiedBytesMax);
  const head = Buffer.allocUnsafe(headBytes + first.length);
  head.writeUInt32BE(bytes.length);
  head.set(first, headBytes);
  return first.length === bytes.length ? [head] : [head, bytes.subarray(copiedBytesMax)];
}
