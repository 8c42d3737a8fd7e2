/** The bytes of a saved state, cut into pieces for its hash. */
import { writeSync } from "node:fs";
import { QnError } from "../../../base/errors.ts";

/** A saved state that is not what was saved. */
export function notWritten(): QnError {
  return new QnError("QEMU_FAILED", "The saved state is not what was written.");
}

/** The length of a piece. */
export const pieceBytes = 1024 * 1024;

/** Cuts bytes into pieces of one length, however they come, and hashes them in their order. */
export class Pieces {
  readonly #onPiece: (piece: Uint8Array, at: number) => void;
  readonly #piece = Buffer.allocUnsafe(pieceBytes);
  #filled = 0;
  #bytes = 0;
  #hash = 0n;

  /** `onPiece` is called for each, with how many bytes came before it; the piece is overwritten afterwards. */
  constructor(onPiece: (piece: Uint8Array, at: number) => void = () => {}) {
    this.#onPiece = onPiece;
  }

  add(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length;) {
      // A whole piece is not copied: half a gigabyte of them takes a tenth of a second.
      if (this.#filled === 0 && chunk.length - at >= pieceBytes) {
        this.#take(chunk.subarray(at, at + pieceBytes));
        at += pieceBytes;
        continue;
      }
      const part = chunk.subarray(at, at + pieceBytes - this.#filled);
      this.#piece.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled === pieceBytes) this.#flush();
    }
  }

  /** The last piece is a short one. */
  finish(): { readonly bytes: number; readonly hash: string } {
    if (this.#filled > 0) this.#flush();
    return { bytes: this.#bytes, hash: this.#hash.toString(16) };
  }

  /** Throws QEMU_FAILED when the bytes are not those that were written. */
  finishAs(written: { readonly bytes: number; readonly hash: string }): void {
    const { bytes, hash } = this.finish();
    if (bytes !== written.bytes || hash !== written.hash) throw notWritten();
  }

  #flush(): void {
    this.#take(this.#piece.subarray(0, this.#filled));
    this.#filled = 0;
  }

  #take(piece: Uint8Array): void {
    this.#onPiece(piece, this.#bytes);
    // Of each piece with the one before as its seed: ten times as quick as a checksum of zlib's.
    this.#hash = Bun.hash.xxHash3(piece, this.#hash);
    this.#bytes += piece.length;
  }
}

/** Writes all of it, with the process waiting. Throws the system's errors. */
export function writeAll(file: number, bytes: Uint8Array, position: number): void {
  for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at, bytes.length - at, position + at);
}
