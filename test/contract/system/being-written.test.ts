/** What the kernel says of pages that are still to be written. Needs Linux 6.5; elsewhere a skip. */
import { expect, test } from "bun:test";
import { mkdtemp, open, rm } from "node:fs/promises";
import { release } from "node:os";
import { join } from "node:path";
import { isBeingWritten } from "../../../src/system/kernel/libc.ts";

const [major = 0, minor = 0] = release().split(".").map(Number);
const hasCachestat = process.platform === "linux" && (major > 6 || (major === 6 && minor >= 5));

test.skipIf(!hasCachestat)("a file is being written from the write on until all of it has arrived", async () => {
  // Not in /tmp, which may be in memory and has nowhere to write to.
  const folder = await mkdtemp("/var/tmp/qn-being-written-");
  try {
    await using file = await open(join(folder, "file"), "w+");
    expect(isBeingWritten(file.fd)).toBe(false);
    await file.write("content");
    expect(isBeingWritten(file.fd)).toBe(true);
    await file.sync();
    expect(isBeingWritten(file.fd)).toBe(false);
  } finally {
    await rm(folder, { recursive: true });
  }
});
