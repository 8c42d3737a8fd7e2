/** How host and guest write messages: one JSON value per line, bounded. */
import { QnError } from "../base/errors.ts";

/** The longest line in bytes: a report of some thousand published ports fits, an endless line does not. */
const lineBytesMax = 1_048_576;

/** A message as one line. */
export function encode(message: unknown): string {
  return `${JSON.stringify(message)}\n`;
}

/** Cuts a byte stream into lines. Behind the last line of interest, `rest` gives back what came after it. */
export class LineReader {
  #buffer: Uint8Array = new Uint8Array();
  readonly #maxBytes: number;

  constructor(maxBytes: number = lineBytesMax) {
    this.#maxBytes = maxBytes;
  }

  /** Adds bytes as they come. */
  push(bytes: Uint8Array): void {
    this.#buffer = this.#buffer.length === 0 ? bytes : Buffer.concat([this.#buffer, bytes]);
  }

  /** The next whole line without its end, or nothing until more bytes come. Throws PROTOCOL when it is too long. */
  next(): string | undefined {
    const end = this.#buffer.indexOf(newline);
    if (Math.max(end, end < 0 ? this.#buffer.length : 0) > this.#maxBytes) {
      throw new QnError("PROTOCOL", `A message is longer than ${this.#maxBytes} bytes.`);
    }
    if (end < 0) return undefined;
    const line = Buffer.from(this.#buffer.subarray(0, end)).toString("utf8");
    this.#buffer = this.#buffer.subarray(end + 1);
    return line;
  }

  /** Adds bytes, and gives each line that is whole by then as it is asked for. Throws as `next` does. */
  *cut(bytes: Uint8Array): Generator<string, void> {
    this.push(bytes);
    for (let line = this.next(); line !== undefined; line = this.next()) yield line;
  }

  /** Everything that no line has used; the reader is empty afterwards. */
  rest(): Uint8Array {
    const rest = this.#buffer;
    this.#buffer = new Uint8Array();
    return rest;
  }
}

// --- internal ---

const newline = 0x0a;
