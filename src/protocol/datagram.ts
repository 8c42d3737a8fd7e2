/** How datagrams travel through a stream: two bytes of length, the higher first, then the payload (as DNS over TCP, RFC 1035). */

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
    let rest = this.#buffer.length === 0 ? bytes : Buffer.concat([this.#buffer, bytes]);
    const whole: Uint8Array[] = [];
    for (;;) {
      const length = ((rest[0] ?? 0) << 8) | (rest[1] ?? 0);
      if (rest.length < 2 || rest.length < 2 + length) break;
      whole.push(rest.subarray(2, 2 + length));
      rest = rest.subarray(2 + length);
    }
    this.#buffer = rest;
    return whole;
  }
}
