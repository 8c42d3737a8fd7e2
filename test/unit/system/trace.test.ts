/** What a trace shows of frames: no secret, nothing that a terminal obeys, no more than a line's worth. */
import { expect, test } from "bun:test";
import { QnError } from "../../../src/base/errors.ts";
import { requestLineIn, shown, tracers, tracesIn } from "../../../src/system/trace.ts";

test("what is to be traced are names with commas between them, each once", () => {
  expect([undefined, "", " , ", "qmp", "docker, wire,wire"].map(tracesIn)).toEqual([
    [],
    [],
    [],
    ["qmp"],
    ["wire", "docker"],
  ]);
});

test("a name of nothing that can be traced is refused with the list, whatever is beside it", () => {
  for (const variable of ["wires", "wire,QMP", "all", 'wire,\u001b[2J"']) {
    expect(() => tracesIn(variable)).toThrow("; what can be traced is wire, qmp, docker.");
  }
  expect(() => tracesIn("wire,\u001b[2J")).toThrow(String.raw`QN_TRACE names "\u001b[2J"; what`);
  expect(() => tracesIn("x")).toThrow(QnError);
});

test("while nothing is traced no frame is put together", () => {
  const frame = (): string => {
    throw new Error("a frame was put together");
  };
  tracers.wire?.("->", frame());
  expect(tracers).toEqual({});
});

test("what proves something, and what is somebody's own, is blotted out at any depth", () => {
  const hex = "ab".repeat(32);
  const frames = [
    { nonce: hex, proof: hex },
    { qn: 1, nonce: hex },
    { type: "lanes", ports: [], token: hex },
    { secret: hex, user: { sshKeys: [hex] }, sshHostKey: hex, proxy: { https_proxy: hex } },
    { type: "provision", steps: [{ state: "done", last: hex }] },
    { Env: [hex], "X-Registry-Auth": hex, Authorization: hex },
    { type: "log", text: `password=${hex} and https://ann:${hex}@example.org` },
  ];
  for (const frame of frames) {
    expect([frame, shown(JSON.stringify(frame)).includes("abab")]).toEqual([frame, false]);
  }
  // A container's id is no secret, and what a trace is read for.
  expect(shown(`{"type":"ports","ports":[{"containerId":"${hex}"}]}\n`)).toContain(hex);
  expect(shown(`{"proof":"${hex}`)).toBe("74 characters that are no JSON");
});

test("words of the guest's cannot command a terminal, turn a line around or begin another one", () => {
  const said = shown('{"text":"\\u001b]0;x\\u0007 \\u009b2J \\u202egnp.exe \\u2028 \\ud800"}');
  expect(said).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
  expect(said).toContain(String.raw`\u{202e}gnp.exe`);
  expect(shown("one\r\ntwo \u001b[2J")).toBe(String.raw`one\x0d\x0atwo \x1b[2J`);
});

test("of a long frame the beginning is shown, and how much there is behind it", () => {
  const said = shown(JSON.stringify({ text: "x".repeat(1_000_000) }));
  expect([said.length < 4_100, said.endsWith("… and 996011 more")]).toEqual([true, true]);
});

test("of a request its first line is shown, without what it asks for in a query", () => {
  const line = (text: string) => requestLineIn(Buffer.from(text));
  expect(line("GET /_ping HTTP/1.1\r\nHost: docker\r\nX-Registry-Auth: abc\r\n\r\n")).toBe("GET /_ping");
  expect(line("POST /v1.45/build?buildargs=%7B%22T%22%3A%22hunter2%22%7D&t=x HTTP/1.1\r\n")).toBe(
    "POST /v1.45/build?buildargs=…&t=…",
  );
  for (const none of [
    "",
    "hunter2 and more",
    "GET /x",
    "get /x HTTP/1.1\r\n",
    `GET /${"x".repeat(9_000)} HTTP/1.1\r\n`,
  ]) {
    expect(line(none)).toBeUndefined();
  }
});
