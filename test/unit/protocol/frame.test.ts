/** Lines in a stream of bytes, however the stream is cut. */
import { expect, test } from "bun:test";
import { encode, LineReader } from "../../../src/protocol/frame.ts";
import { failureOf } from "../../support/failures.ts";

const bytesOf = (text: string): Uint8Array => Buffer.from(text);

/** Everything that a reader says after each of the chunks, and what is left in the end. */
function read(chunks: readonly Uint8Array[], maxBytes?: number): { lines: string[]; rest: string } {
  const reader = new LineReader(maxBytes);
  const lines: string[] = [];
  for (const chunk of chunks) {
    reader.push(chunk);
    for (let line = reader.next(); line !== undefined; line = reader.next()) lines.push(line);
  }
  return { lines, rest: Buffer.from(reader.rest()).toString() };
}

test("a stream means the same wherever it is cut, in the middle of a character too", () => {
  const stream = bytesOf(`${encode({ name: "žluťoučký 🐳" })}\n${encode("two")}raw bytes\r`);
  const whole = { lines: ['{"name":"žluťoučký 🐳"}', "", '"two"'], rest: "raw bytes\r" };
  for (let at = 0; at <= stream.length; at += 1) {
    expect(read([stream.subarray(0, at), stream.subarray(at)])).toEqual(whole);
  }
  expect(read([...stream].map((byte) => Uint8Array.of(byte)))).toEqual(whole);
});

test("many lines of one chunk come one by one, in order", () => {
  const values = Array.from({ length: 1000 }, (_, index) => ({ index }));
  const { lines, rest } = read([bytesOf(values.map(encode).join(""))]);
  expect([lines.map((line) => JSON.parse(line) as unknown), rest]).toEqual([values, ""]);
});

test("a line of the longest length passes, one byte more is refused, ended or not", async () => {
  expect(read([bytesOf(`${"x".repeat(8)}\n`)], 8).lines).toEqual(["xxxxxxxx"]);
  const tooLong = { code: "PROTOCOL", message: "A message is longer than 8 bytes." };
  expect(await failureOf(() => read([bytesOf(`${"x".repeat(9)}\n`)], 8))).toEqual(tooLong);
  expect(await failureOf(() => read([bytesOf("x".repeat(9))], 8))).toEqual(tooLong);
  expect(await failureOf(() => read([bytesOf("1234\n"), bytesOf("12345"), bytesOf("6789")], 8))).toEqual(tooLong);
});

test("the length counts bytes and not characters", async () => {
  expect(await failureOf(() => read([bytesOf("🐳🐳🐳\n")], 8))).toEqual({
    code: "PROTOCOL",
    message: "A message is longer than 8 bytes.",
  });
});

test("raw bytes of any length may stand behind the last line", () => {
  const reader = new LineReader(16);
  const raw = new Uint8Array(100_000).fill(0xff);
  reader.push(Buffer.concat([bytesOf('{"ok":true}\n'), raw]));
  expect(reader.next()).toBe('{"ok":true}');
  expect(Buffer.compare(reader.rest(), raw)).toBe(0);
  expect([reader.next(), reader.rest().length]).toEqual([undefined, 0]);
});

test("a message that holds line ends is one line", () => {
  expect(encode({ text: "a\nb\r\n" })).toBe('{"text":"a\\nb\\r\\n"}\n');
});

test("a report of 4000 ports fits into the longest line", () => {
  const port = {
    protocol: "tcp",
    hostIp: "0.0.0.0",
    hostPort: 65_535,
    containerId: "f".repeat(64),
    container: "a-name-of-a-container-as-compose-makes-it-1",
  };
  const line = encode({ type: "ports", ports: Array.from({ length: 4000 }, () => port) });
  expect(read([bytesOf(line)]).lines).toEqual([line.trimEnd()]);
});
