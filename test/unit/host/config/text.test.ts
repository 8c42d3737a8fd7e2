/** What stands on a command line or in a variable, as the value of a setting. */
import { expect, test } from "bun:test";
import { changesIn } from "../../../../src/host/config/change.ts";
import { failureOf } from "../../../support/failures.ts";

test("settings are named as flags and other programs name them, amounts have units, architectures Docker's names", () => {
  const words = ["memory=8G", "disk=1T", "cpu=2", "arch=arm64"];
  expect([...changesIn(words)]).toEqual([
    ["memoryMiB", 8192],
    ["diskGiB", 1024],
    ["cpus", 2],
    ["arch", "aarch64"],
  ]);
  expect([...changesIn(["memoryMiB=2GiB", "arch=amd64", "memoryMiB=lots", "arch=toString"])]).toEqual([
    ["memoryMiB", "lots"],
    ["arch", "toString"],
  ]);
});

test("a mistyped other name is suggested, too", async () => {
  expect(await failureOf(() => changesIn(["memry=8G"]))).toMatchObject({ message: '"memry" is not a known setting.' });
});
