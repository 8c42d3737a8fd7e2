/** Amounts as people read them, and the nearest known word. */
import { expect, test } from "bun:test";
import { byteSize, counted, duration, nearest } from "../../../src/base/words.ts";

test("a duration has the unit that fits, and never sixty of the smaller one", () => {
  const second = 1000;
  const minute = 60 * second;
  const hour = 60 * minute;
  const written = [
    0,
    49,
    50,
    999,
    12_340,
    minute - 51,
    minute - 50,
    minute - 1,
    minute,
    2 * minute + 5 * second,
    hour - 1,
    hour,
    3 * hour + 4 * minute,
    24 * hour - 1,
    24 * hour,
    51 * hour,
  ].map((ms) => [ms, duration(ms)]);
  expect(written).toEqual([
    [0, "0.0 s"],
    [49, "0.0 s"],
    [50, "0.1 s"],
    [999, "1.0 s"],
    [12_340, "12.3 s"],
    [59_949, "59.9 s"],
    [59_950, "1 min 0 s"],
    [59_999, "1 min 0 s"],
    [60_000, "1 min 0 s"],
    [125_000, "2 min 5 s"],
    [3_599_999, "59 min 59 s"],
    [3_600_000, "1 h 0 min"],
    [11_040_000, "3 h 4 min"],
    [86_399_999, "23 h 59 min"],
    [86_400_000, "1 d 0 h"],
    [183_600_000, "2 d 3 h"],
  ]);
});

test("a size has the unit that fits, and never 1024 of the smaller one", () => {
  const mebibyte = 1024 ** 2;
  const sizes = [0, 1, 1023, 1024, 1536, mebibyte - 1, mebibyte, 1.5 * mebibyte, 20 * 1024 ** 3, 5 * 1024 ** 5];
  expect(sizes.map(byteSize)).toEqual([
    "0 B",
    "1 B",
    "1023 B",
    "1 KiB",
    "1.5 KiB",
    "1 MiB",
    "1 MiB",
    "1.5 MiB",
    "20 GiB",
    "5120 TiB",
  ]);
});

test("a count of one has no s", () => {
  expect([0, 1, 2].map((count) => counted(count, "port"))).toEqual(["0 ports", "1 port", "2 ports"]);
});

test("a mistyped word finds its nearest neighbour, one that is nothing like any finds none", () => {
  const known = ["up", "down", "status", "ls", "env", "cpus", "memoryMiB", "stop", "copy"];
  const near = ["dwon", "down", "stats", "statsu", "sattsu", "memoryMib", "cpu", "spot", "ocpy"];
  const strange = ["pu", "ip", "rm", "run", "xy", "a", "", "restore", "nope", "show", "hop", "share"];
  const words = [...near, ...strange];
  expect(words.map((word) => [word, nearest(word, known)])).toEqual([
    ["dwon", "down"],
    ["down", "down"],
    ["stats", "status"],
    ["statsu", "status"],
    ["sattsu", "status"],
    ["memoryMib", "memoryMiB"],
    ["cpu", "cpus"],
    ["spot", undefined],
    ["ocpy", "copy"],
    ...strange.map((word) => [word, undefined]),
  ]);
  expect(nearest("up", [])).toBeUndefined();
});
