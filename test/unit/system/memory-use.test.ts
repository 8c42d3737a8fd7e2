/** How memory is used, from Linux' own words. */
import { expect, test } from "bun:test";
import { memoryUseIn, residentBytes } from "../../../src/system/memory-use.ts";

test("what is used is all but what the kernel counts as available, and files are those that can be read again", () => {
  const text = `MemTotal:        4013916 kB
MemFree:         1423000 kB
MemAvailable:    3808424 kB
Active:           301104 kB
Active(file):     243472 kB
Inactive(file):  2076528 kB
`;
  expect(memoryUseIn(text)).toEqual({
    totalBytes: 4_013_916 * 1024,
    usedBytes: (4_013_916 - 3_808_424) * 1024,
    fileBytes: (243_472 + 2_076_528) * 1024,
  });
});

test("a process that is gone has no memory to tell of, and this one has", async () => {
  expect(await residentBytes(process.pid)).toBeGreaterThan(8 * 1024 ** 2);
  const gone = Bun.spawn(["true"]);
  await gone.exited;
  expect(await residentBytes(gone.pid)).toBeUndefined();
});
