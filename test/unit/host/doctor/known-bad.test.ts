/** Versions of QEMU that are known to fail. */
import { expect, test } from "bun:test";
import { compareVersions } from "../../../../src/base/words.ts";
import { type Combination, knownFaults } from "../../../../src/host/doctor/known-bad.ts";

const mac: Combination = { os: "darwin", arch: "aarch64", version: "10.2.2", sme: false };

/** The numbers of the issues that a combination's faults name. */
function issues(changes: Partial<Combination>): string[] {
  return knownFaults({ ...mac, ...changes }).map(
    ({ effect }) => /issues? (\d+)/.exec(effect)?.[1] ?? effect.slice(0, 20),
  );
}

test("versions are compared by their numbers", () => {
  const order = ["7.2.22", "8.0.0", "8.2.1", "9.9.9", "10.0.0", "10.0.10", "11.1.0"];
  expect(order.toReversed().toSorted(compareVersions)).toEqual(order);
  expect(compareVersions("8.2.1", "8.2.1")).toBe(0);
});

test("a fault is told to those whom it meets only", () => {
  expect(issues({})).toEqual([]);
  expect(issues({ version: "8.2.0" })).toEqual(["1990"]);
  expect(issues({ version: "8.2.1" })).toEqual([]);
  expect([issues({ version: "9.2.1", sme: true }), issues({ version: "9.2.1" })]).toEqual([["2665"], []]);
  expect(issues({ version: "11.0.0" })).toEqual(["3433", "528299"]);
  expect(issues({ version: "11.0.2" })).toEqual(["528299"]);
  expect([issues({ arch: "x86_64", version: "10.0.0" }), issues({ os: "linux", version: "11.0.0" })]).toEqual([
    ["2938"],
    [],
  ]);
  expect(issues({ os: "linux", arch: "x86_64", version: "6.2.0" }).length).toBe(1);
});
