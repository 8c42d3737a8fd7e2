/** How often the host's disks are looked at, and from when on writes go through at once. */
import { expect, test } from "bun:test";
import { littleSpace, nextLookMs } from "../../../../src/agent/files/full-disk.ts";

const GiB = 1024 ** 3;

test("space is little when what the guest may still have to write would not fit", () => {
  expect([2 * GiB, 8 * GiB].map((memory) => littleSpace(memory) / GiB)).toEqual([0.65, 1.85]);
});

test("a disk is looked at before it can have filled up, once a minute at the least, twice a second at the most", () => {
  const looks = [0, 1, 1.1, 4, 16, 500].map((free) => nextLookMs(free * GiB, GiB));
  expect(looks).toEqual([500, 500, 500, 2048, 10_240, 60_000]);
});
