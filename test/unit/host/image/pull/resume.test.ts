/** What is asked for when a download goes on, and what the answer is worth. */
import { expect, test } from "bun:test";
import { judge, rangeHeaders, strongValidator } from "../../../../../src/host/image/pull/resume.ts";

const answer = (status: number, headers: Record<string, string> = {}) => ({
  status,
  header: (name: string): string | undefined => headers[name],
});

test("what is missing is asked for with the server's own word, and with no other server's", () => {
  const origin = { url: "https://a/x", validator: '"1"' };
  expect(rangeHeaders(0, origin, "https://a/x")).toEqual({});
  expect(rangeHeaders(7, origin, "https://a/x")).toEqual({ range: "bytes=7-", "if-range": '"1"' });
  expect(rangeHeaders(7, origin, "https://b/x")).toEqual({ range: "bytes=7-" });
  expect(rangeHeaders(7, undefined, "https://a/x")).toEqual({ range: "bytes=7-" });
});

test("only a strong entity tag is a word for the same bytes", () => {
  expect(strongValidator(answer(200, { etag: '"0x8DD"' }))).toBe('"0x8DD"');
  for (const etag of ['W/"1"', "1", '"a b"', '"a"\r\nx: y"', `"${"x".repeat(600)}"`]) {
    expect(strongValidator(answer(200, { etag }))).toBeUndefined();
  }
  expect(strongValidator(answer(200, { "last-modified": "Sat, 28 Nov 2026 22:00:00 GMT" }))).toBeUndefined();
});

test.each([
  [answer(200), 40, { do: "take", from: "first" }],
  [answer(200, { "content-length": "100" }), 0, { do: "take", from: "first" }],
  [answer(206, { "content-range": "bytes 40-99/100" }), 40, { do: "take", from: "asked" }],
  [answer(200, { "content-length": "99" }), 0, { do: "give-up" }],
  [answer(200, { "content-encoding": "gzip" }), 0, { do: "give-up" }],
  [answer(206), 40, { do: "ask-whole" }],
  [answer(206, { "content-range": "bytes 0-99/100" }), 0, { do: "ask-whole" }],
  [answer(206, { "content-range": "bytes 39-99/100" }), 40, { do: "ask-whole" }],
  [answer(206, { "content-range": "bytes 40-98/100" }), 40, { do: "ask-whole" }],
  [answer(206, { "content-range": "bytes 40-99/*" }), 40, { do: "ask-whole" }],
  [answer(416), 40, { do: "ask-whole" }],
  [answer(429), 0, { do: "ask-later" }],
  [answer(502), 0, { do: "ask-later" }],
  [answer(204), 0, { do: "give-up" }],
  [answer(403), 0, { do: "give-up" }],
] as const)("an answer %p to whoever has %p of 100 bytes is judged", (given, haveBytes, verdict) => {
  expect(judge(given, haveBytes, 100)).toMatchObject(verdict);
});
