/** Options of QEMU's command line. */
import { expect, test } from "bun:test";
import { option } from "../../../../src/host/qemu/option.ts";

test("commas in values are doubled, qn's own words are not touched", () => {
  expect(option("-chardev", "file,mux=off", { path: "/a,b/,,c, d" })).toEqual([
    "-chardev",
    "file,mux=off,path=/a,,b/,,,,c,, d",
  ]);
});

test("booleans are on and off, undefined values are left out, empty ones stay", () => {
  expect(option("-device", undefined, { a: true, b: false, c: undefined, d: "", e: 0 })).toEqual([
    "-device",
    "a=on,b=off,d=,e=0",
  ]);
});
