/** Lines of QEMU's monitor, read and written. */
import { expect, test } from "bun:test";
import { QnError } from "../../../../src/base/errors.ts";
import { commandLine, parseMessage } from "../../../../src/host/qmp/wire.ts";
import { LineReader } from "../../../../src/protocol/frame.ts";

test("each kind of line is told apart", () => {
  const lines = [
    '{"QMP": {"version": {"qemu": {"micro": 2, "minor": 0, "major": 10}, "package": "v10.0.2"}, "capabilities": []}}\r',
    '{"timestamp": {"seconds": 1795226275, "microseconds": 782424}, "event": "SHUTDOWN", "data": {"guest": true}}',
    '{"timestamp": {"seconds": -1, "microseconds": -1}, "event": "STOP"}',
    '{"return": {}, "id": 7}',
    '{"return": null, "id": 8}',
    '{"id": 9, "error": {"class": "CommandNotFound", "desc": "The command x has not been found"}}',
    '{"error": {"class": "GenericError", "desc": "JSON parse error"}}',
  ];
  expect(lines.map(parseMessage)).toEqual([
    { type: "greeting", version: "10.0.2" },
    { type: "event", event: { name: "SHUTDOWN", data: { guest: true } } },
    { type: "event", event: { name: "STOP", data: {} } },
    { type: "reply", id: 7, value: {} },
    { type: "reply", id: 8, value: null },
    { type: "refusal", id: 9, reason: "The command x has not been found" },
    { type: "refusal", id: undefined, reason: "JSON parse error" },
  ]);
});

for (const line of ["", "null", "[]", "{}", '{"id": 1}', '{"return": 1}', '{"event": 1}', '{"QMP": {}}', "\u0000"]) {
  test(`${JSON.stringify(line)} is no message`, () => {
    const parse = (): unknown => parseMessage(line);
    expect(parse).toThrow(QnError);
    expect(parse).toThrow(`QEMU's monitor sent ${JSON.stringify(line)}.`);
  });
}

test("only the beginning of a long line that is no message is shown", () => {
  expect(() => parseMessage("x".repeat(1000))).toThrow(`QEMU's monitor sent "${"x".repeat(80)}".`);
});

test("a command is one line, and one without arguments names none", () => {
  expect([commandLine(1, "stop", undefined), commandLine(2, "x", { path: "a\nb" })]).toEqual([
    '{"execute":"stop","id":1}\n',
    '{"execute":"x","arguments":{"path":"a\\nb"},"id":2}\n',
  ]);
});

test("a reply cut in two at whatever byte is read as one", () => {
  const bytes = Buffer.from('{"return": "Grüße, 日本", "id": 1}\r\n{"return": 2, "id": 2}\r\n');
  for (let cut = 0; cut <= bytes.length; cut += 1) {
    const reader = new LineReader();
    const messages: unknown[] = [];
    for (const part of [bytes.subarray(0, cut), bytes.subarray(cut)]) {
      reader.push(part);
      for (let line = reader.next(); line !== undefined; line = reader.next()) messages.push(parseMessage(line));
    }
    expect(messages).toEqual([
      { type: "reply", id: 1, value: "Grüße, 日本" },
      { type: "reply", id: 2, value: 2 },
    ]);
  }
});
