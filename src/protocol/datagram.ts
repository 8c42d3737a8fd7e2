/**
 * How datagrams travel through a stream: two bytes of length, the higher first, then the payload (as DNS over TCP, RFC
 * 1035).
 */

/** One datagram as it travels. A UDP payload has at most 65,507 bytes, so two bytes are enough. */
export function encodeDatagram(payload: Uint8Array): Uint8Array {
  const framed = new Uint8Array(2 + payload.length);
  framed[0] = payload.length >> 8;
  framed[1] = payload.length & 0xff;
  framed.set(payload, 2);
  return framed;
}

/** Cuts a stream into datagrams. */
export class DatagramReader {
  #buffer: Uint8Array = new Uint8Array();

  /** Adds bytes as they come, and gives back the datagrams that are whole now. */
  push(bytes: Uint8Array): Uint8Array[] {
    return [...this.cut(bytes)];
  }

  /** The same, each as it is asked for: of very short ones there are tens of thousands in one piece of a stream. */
  *cut(bytes: Uint8Array): Generator<Uint8Array, void> {
    this.#buffer = this.#buffer.length === 0 ? bytes : Buffer.concat([this.#buffer, bytes]);
    for (;;) {
      const rest = this.#buffer;
      const length = ((rest[0] ?? 0) << 8) | (rest[1] ?? 0);
      if (rest.length < 2 || rest.length < 2 + length) return;
      this.#buffer = rest.subarray(2 + length);
      yield rest.subarray(2, 2 + length);
    }
  }
}
