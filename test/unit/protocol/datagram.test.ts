/** Datagrams in a stream: read as they were written, however the stream is cut. */
import { expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { sumOf } from "../../support/streams.ts";
import { DatagramReader, encodeDatagram } from "../../../src/protocol/datagram.ts";

/** What a reader makes of a stream that comes in these pieces, as text. */
function read(pieces: readonly Uint8Array[]): string[] {
  const reader = new DatagramReader();
  return pieces.flatMap((piece) => reader.push(piece)).map((payload) => Buffer.from(payload).toString("latin1"));
}

const payloads = ["", "a", "", "", "two\nlines", "\0\0\0", "x".repeat(300)];
const stream = Buffer.concat(payloads.map((payload) => encodeDatagram(Buffer.from(payload))));

test("a datagram is its length in two bytes, the higher first, and its payload", () => {
  expect(encodeDatagram(Buffer.from("hi"))).toEqual(new Uint8Array([0, 2, 0x68, 0x69]));
  expect(encodeDatagram(new Uint8Array())).toEqual(new Uint8Array([0, 0]));
  expect(encodeDatagram(new Uint8Array(300)).subarray(0, 2)).toEqual(new Uint8Array([1, 44]));
});

test("a stream of datagrams is read the same wherever it is cut in two", () => {
  for (let cut = 0; cut <= stream.length; cut += 1) {
    expect(read([stream.subarray(0, cut), stream.subarray(cut)])).toEqual(payloads);
  }
});

test("a stream of datagrams that comes byte by byte is read the same", () => {
  expect(read(Array.from(stream, (byte) => new Uint8Array([byte])))).toEqual(payloads);
});

test("the longest datagrams of IPv4 and IPv6, and the longest that fits, go through whole", () => {
  const long = [65_507, 65_527, 65_535].map((bytes) => randomBytes(bytes));
  const whole = Buffer.concat(long.map(encodeDatagram));
  const pieces = Array.from({ length: Math.ceil(whole.length / 1460) }, (_, index) =>
    whole.subarray(index * 1460, (index + 1) * 1460),
  );
  const reader = new DatagramReader();
  expect(pieces.flatMap((piece) => reader.push(piece)).map((payload) => sumOf(payload))).toEqual(long.map(sumOf));
});

test("a datagram that is not whole yet is not given back, nor is anything twice", () => {
  const reader = new DatagramReader();
  const [first, second] = [encodeDatagram(Buffer.from("one")), encodeDatagram(Buffer.from("two"))];
  const counts = [first, second.subarray(0, 1), second.subarray(1, 4), second.subarray(4), new Uint8Array()].map(
    (piece) => reader.push(piece).length,
  );
  expect(counts).toEqual([1, 0, 0, 1, 0]);
});
