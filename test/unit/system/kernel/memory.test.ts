/** The pages of a program's own code. */
import { expect, test } from "bun:test";
import { codeIn, releaseCode } from "../../../../src/system/kernel/memory.ts";
import { residentBytes } from "../../../../src/system/memory-use.ts";

test("a program's code is what it may run and nobody may write, of its own file alone", () => {
  const maps = `00200000-01a39000 r--p 00000000 fd:00 131 /usr/bin/my qn
01a40000-0684a000 r-xp 01839000 fd:00 131                                /usr/bin/my qn
06867000-072cb000 rw-p 0665f000 fd:00 131                                /usr/bin/my qn
7f148ae74000-7f148afca000 r-xp 00026000 fd:00 2                          /usr/lib/libc.so.6
7ffd0d5f2000-7ffd0d5f4000 r-xp 00000000 00:00 0                          [vdso]
`;
  expect(codeIn(maps, "/usr/bin/my qn")).toEqual([{ address: 0x1a40000, length: 0x4e0a000 }]);
  expect([codeIn(maps, "/usr/bin/other"), codeIn("", "/usr/bin/my qn")]).toEqual([[], []]);
});

test("a program that lets go of its code takes less memory, and runs on", async () => {
  if (process.platform !== "linux") return;
  const before = (await residentBytes(process.pid)) ?? 0;
  releaseCode();
  expect(before - ((await residentBytes(process.pid)) ?? 0)).toBeGreaterThan(1024 ** 2);
});
