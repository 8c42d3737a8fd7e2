/** Pieces of a stream: whole again wherever they are cut, with an end that cannot be mistaken. */
import { expect, test } from "bun:test";
import { pieces } from "../../../src/protocol/piece.ts";
import { failureOf } from "../../support/failures.ts";

const bytesOf = (text: string): Buffer => Buffer.from(text);

function wire(...texts: readonly string[]): Buffer {
  return Buffer.concat([...texts.flatMap((text) => pieces.encode(bytesOf(text))), pieces.end]);
}

/** What comes out of a reader that is given these chunks. */
function read(chunks: readonly Uint8Array[]): { text: string; isOver: boolean } {
  const reader = pieces.reader();
  const own = chunks.flatMap((chunk) => reader.push(chunk));
  return { text: Buffer.concat(own).toString(), isOver: reader.isOver };
}

test("bytes travel behind their number, and four zeros are the end", () => {
  expect(wire("abc", "", "d").toString("latin1")).toBe("\0\0\0\u0003abc\0\0\0\u0001d\0\0\0\0");
});

test("a stream means the same wherever it is cut, and is over only when its end is whole", () => {
  const stream = wire("one", "žluťoučký 🐳", "x".repeat(300));
  const text = `onežluťoučký 🐳${"x".repeat(300)}`;
  for (let at = 0; at <= stream.length; at += 1) {
    expect(read([stream.subarray(0, at), stream.subarray(at)])).toEqual({ text, isOver: true });
  }
  expect(read([...stream].map((byte) => Uint8Array.of(byte)))).toEqual({ text, isOver: true });
  for (let cut = 1; cut <= 4; cut += 1) {
    expect(read([stream.subarray(0, stream.length - cut)])).toEqual({ text, isOver: false });
  }
});

test("no byte waits for the rest of its piece", () => {
  const reader = pieces.reader();
  const seen = [...wire("wait")].map((byte) => Buffer.concat(reader.push(Uint8Array.of(byte))).toString());
  expect(seen).toEqual(["", "", "", "", "w", "a", "i", "t", "", "", "", ""]);
});

test("many bytes are few writes, and the same bytes again", () => {
  for (const length of [65_535, 65_536, 65_537, 2 ** 24 - 1, 2 ** 24, 2 ** 24 + 5]) {
    const bytes = Buffer.alloc(length, Buffer.from(Array.from({ length: 251 }, (_, index) => index)));
    const parts = pieces.encode(bytes);
    expect(parts.length).toBeLessThanOrEqual(length < 65_537 ? 1 : length < 2 ** 24 ? 2 : 3);
    const reader = pieces.reader();
    expect(Bun.hash(Buffer.concat(parts.flatMap((part) => reader.push(part))))).toBe(Bun.hash(bytes));
  }
});

test("what comes together with the end, behind it, is kept apart wherever the stream is cut", () => {
  const stream = Buffer.concat([wire("one"), bytesOf("next")]);
  const end = stream.length - "next".length;
  for (let at = 0; at < end; at += 1) {
    const reader = pieces.reader();
    const own = [...reader.push(stream.subarray(0, at)), ...reader.push(stream.subarray(at))];
    expect([Buffer.concat(own).toString(), reader.isOver, Buffer.from(reader.rest).toString()]).toEqual([
      "one",
      true,
      "next",
    ]);
  }
});

test("a piece that is too long and bytes behind the end are refused", async () => {
  expect(await failureOf(() => read([bytesOf("HTTP/1.1 200 OK")]))).toEqual({
    code: "PROTOCOL",
    message: "A piece has 1213486160 bytes.",
  });
  expect(await failureOf(() => read([wire("all"), bytesOf("more")]))).toEqual({
    code: "PROTOCOL",
    message: "Bytes came behind the end of a stream.",
  });
});
