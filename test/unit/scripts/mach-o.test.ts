/** Programs for macOS that are built on Linux: what of them macOS would refuse, and how a stale signature goes. */
import { expect, test } from "bun:test";
import { withoutSignature } from "../../../scripts/support/mach-o/unsign.ts";
import { machOFaults } from "../../../scripts/support/mach-o/verify.ts";
import { linkerSigned, machOProgram } from "../../support/mach-o.ts";

const signed = machOProgram("arm64", linkerSigned);

test("a signed program for Apple Silicon and one without a signature for Intel are right", () => {
  expect(machOFaults(signed)).toEqual([]);
  expect(machOFaults(machOProgram("x64"))).toEqual([]);
});

test("one flipped byte that the signature covers is found, wherever it is", () => {
  for (let at = 0; at < linkerSigned.codeLimit; at += 7) {
    const flipped = signed.slice();
    flipped[at] = (flipped[at] ?? 0) ^ 0x40;
    expect(machOFaults(flipped), `byte ${at}`).not.toEqual([]);
  }
  const page = signed.slice();
  page[5000] = 0;
  expect(machOFaults(page)).toEqual(["1 of 4 pages differ, the first is 1."]);
});

test("a flipped byte of the signature itself is found, but for those that macOS does not look at either", () => {
  const read = { magic: 0, length: 4, slots: 8, slot: 12, directory: 20, flags: 32, hashes: 36, pages: 48, limit: 52 };
  for (const [field, offset] of Object.entries(read)) {
    const flipped = signed.slice();
    const at = linkerSigned.codeLimit + offset + 3;
    flipped[at] = (flipped[at] ?? 0) ^ 0x12;
    expect(machOFaults(flipped), field).not.toEqual([]);
  }
});

test("no signature for Apple Silicon, a hardened or half one, one that is not ad hoc, and bytes behind it are faults", () => {
  expect(machOFaults(machOProgram("arm64"))).toEqual(["It has no signature."]);
  const faults = (other: Partial<typeof linkerSigned>): string =>
    machOFaults(machOProgram("arm64", { ...linkerSigned, ...other })).join(" ");
  expect(faults({ flags: 0x1_0002 })).toBe("The signature asks for the hardened runtime.");
  expect(faults({ flags: 0 })).toBe("The signature is not ad hoc.");
  expect(faults({ codeLimit: 8192 })).toStartWith("The signature covers 8192 bytes, and begins at ");
  const longer = Buffer.concat([signed, Buffer.from("more")]);
  expect(machOFaults(longer)).toHaveLength(2);
});

test("a stale signature for Intel is a fault, and goes without a trace", () => {
  const stale = machOProgram("x64", linkerSigned);
  expect(machOFaults(stale)).toEqual(["It has a signature, which Bun leaves stale for Intel."]);
  const stripped = withoutSignature(stale);
  expect(machOFaults(stripped)).toEqual([]);
  // Built without one, it has the same bytes.
  expect(Buffer.from(stripped).equals(machOProgram("x64"))).toBe(true);
  expect(withoutSignature(stripped)).toBe(stripped);
});

test("what is no program, or is cut off anywhere, is a fault and no crash", () => {
  expect(machOFaults(new Uint8Array())).toEqual(["It ends at 0, in the middle of its head."]);
  expect(machOFaults(Buffer.from("#!/bin/sh\necho no program\n".repeat(9)))).toHaveLength(1);
  for (let bytes = 0; bytes < signed.length; bytes += 13) expect(machOFaults(signed.slice(0, bytes))).not.toEqual([]);
});
