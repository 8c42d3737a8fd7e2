/** What a guest has written, on its way to a terminal: it is shown and not obeyed, and a word stays a word. */
import { expect, test } from "bun:test";
import { plain, plainJson, plainLines } from "../../../src/base/plain.ts";

/** A window's title, the clipboard (OSC 52), a C1 control, a text turned around, line ends of every kind. */
const hostile = "a\u001b]0;title\u0007\u001b]52;c;aGk=\u001b\\\u009b2J\u202egnp\u2028\u2029\r\n\u007f\ud800z\t";
const terminalsCommands = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

test("in one line nothing is left that a terminal obeys, and all of it can be read", () => {
  expect(plain(hostile)).not.toMatch(terminalsCommands);
  expect(plain(hostile)).toBe(
    String.raw`a\x1b]0;title\x07\x1b]52;c;aGk=\x1b\\x9b2J\u{202e}gnp\u{2028}\u{2029}\x0d\x0a\x7f\u{d800}z\x09`,
  );
  expect(plain("größer-日本 😀 'x' C:\\x1b")).toBe("größer-日本 😀 'x' C:\\x1b");
});

test("of many lines the line ends and tabs stay, and a lone carriage return does not go back over what it follows", () => {
  expect(plainLines("one\r\ntwo\tthree\nfour\rfive\u001b[2K")).toBe("one\ntwo\tthree\nfour\\x0dfive\\x1b[2K");
});

test("JSON stays the same value, and has nothing in it that a terminal obeys", () => {
  const value = { name: hostile, emoji: "\u{e0041}😀" };
  const json = plainJson(JSON.stringify(value, undefined, 2));
  expect(json.replaceAll("\n", "")).not.toMatch(terminalsCommands);
  expect(JSON.parse(json)).toEqual(value);
});
