/** Which saved state fits what there is: nothing but the same, and the reason in words. */
import { expect, test } from "bun:test";
import { misfit, type Present } from "../../../../../src/host/supervisor/suspend/fit.ts";
import { encodeHead, type Head, headBytes, parseHead } from "../../../../../src/host/supervisor/suspend/state.ts";

const disks = [
  { path: "/q/web/system.qcow2", sizeBytes: 10, changedNs: "1" },
  { path: "/q/_data/web.raw", sizeBytes: 20, changedNs: "1700000000000000001" },
];

const head: Head = {
  format: 1,
  qemu: "7.2.22",
  image: "sha256:1",
  cpu: "a processor",
  told: "aa",
  boot: { secret: "ab", gatePort: 1, sshPort: 2, startedAtMs: 3, argv: ["qemu", "-m", "1"] },
  disks,
  stream: { bytes: 5, hash: "f" },
};

const same: Present = {
  qemu: "7.2.22",
  image: "sha256:1",
  cpu: "a processor",
  told: "aa",
  argv: head.boot.argv,
  disks,
};

const others: [string, Partial<Present>, string | undefined][] = [
  ["the same", {}, undefined],
  ["another QEMU", { qemu: "8.0.0" }, "QEMU is 8.0.0 now and was 7.2.22"],
  ["another image", { image: "sha256:2" }, "it has another image now"],
  ["another processor", { cpu: "another" }, "this machine has another processor now"],
  ["another word to QEMU", { argv: ["qemu", "-m", "2"] }, "its settings have changed"],
  ["one word more", { argv: ["qemu", "-m", "1", "-S"] }, "its settings have changed"],
  ["something else told", { told: "bb" }, "its settings have changed"],
  ["a disk that is gone", { disks: disks.slice(0, 1) }, "/q/_data/web.raw has changed"],
  [
    "a disk that was written to a nanosecond later",
    { disks: disks.map((disk) => ({ ...disk, changedNs: disk.changedNs.replace(/1$/, "2") })) },
    "/q/web/system.qcow2 has changed",
  ],
  [
    "a disk of another size",
    { disks: disks.map((disk) => ({ ...disk, sizeBytes: 20 })) },
    "/q/web/system.qcow2 has changed",
  ],
  ["a disk more", { disks: [...disks, { path: "/q/x", sizeBytes: 1, changedNs: "1" }] }, undefined],
  ["another QEMU with other words", { qemu: "8.0.0", argv: [] }, "QEMU is 8.0.0 now and was 7.2.22"],
];

for (const [name, change, why] of others) {
  test(`a saved state and ${name}: ${why ?? "it goes on"}`, () =>
    expect(misfit(head, { ...same, ...change })).toBe(why));
}

test("a head is read back from a whole file alone", () => {
  const bytes = encodeHead(head);
  expect([bytes.length, parseHead(bytes, headBytes + 5)]).toEqual([headBytes, head]);
  expect(parseHead(bytes, headBytes + 4)).toBeUndefined();
  expect(parseHead(bytes, headBytes + 6)).toBeUndefined();
  expect(parseHead(bytes.subarray(0, 40), headBytes + 5)).toBeUndefined();
  expect(parseHead(new Uint8Array(headBytes), headBytes + 5)).toBeUndefined();
  expect(parseHead(encodeHead({ ...head, stream: { bytes: -1, hash: "" } }), headBytes - 1)).toBeUndefined();
  const ofLater = Buffer.from(bytes).toString().replace('"format":1', '"format":2');
  expect(parseHead(Buffer.from(ofLater), headBytes + 5)).toBeUndefined();
});

test("a head that does not fit into its place is refused", () => {
  const argv = Array.from({ length: 3_000 }, () => "x".repeat(100));
  expect(() => encodeHead({ ...head, boot: { ...head.boot, argv } })).toThrow("the head takes");
});
