/** How memory is used, from Linux' own words. */
import { expect, test } from "bun:test";
import { memoryUseIn } from "../../../src/system/memory-use.ts";

test("what the kernel keeps of files is what can be read again", () => {
  const text = `MemTotal:        4013916 kB
MemFree:         1423000 kB
MemAvailable:    3808424 kB
Active:           301104 kB
Active(file):     243472 kB
Inactive(file):  2076528 kB
`;
  expect(memoryUseIn(text)).toEqual({
    totalBytes: 4_013_916 * 1024,
    fileBytes: (243_472 + 2_076_528) * 1024,
  });
});
