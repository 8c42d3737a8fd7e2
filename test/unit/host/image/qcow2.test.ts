/** Heads of qcow2 files: what is said of those that need other files, and that nothing else is taken. */
import { expect, test } from "bun:test";
import { whyNotAlone } from "../../../../src/host/image/qcow2.ts";
import { testWithChance } from "../../../support/chance.ts";
import { type Head, qcow2Head } from "../../../support/qcow2.ts";

const dataFile = 0x44_41_54_41;
const names = { type: 0x68_03_f8_57, text: "features" };

const heads: readonly (readonly [Head, string | undefined])[] = [
  [{}, undefined],
  [{ version: 2 }, undefined],
  [{ clusterBits: 9, extensions: [names, { type: 0x23_85_28_75, text: "bitmaps" }] }, undefined],
  [{ incompatible: 0b1_1001n, length: 104 }, undefined],
  [{ magic: "QFI\u00fa" }, "is no qcow2 image"],
  [{ version: 1 }, "is a qcow2 image of version 1, which qn does not know"],
  [{ version: 4 }, "is a qcow2 image of version 4, which qn does not know"],
  [{ backing: "/home/ann/taxes" }, 'has a backing file ("/home/ann/taxes")'],
  [{ backing: "json:{}", version: 2 }, 'has a backing file ("json:{}")'],
  [{ encryption: 1 }, "is encrypted"],
  [{ encryption: 2, version: 2 }, "is encrypted"],
  [{ incompatible: 0b100n }, "has an external data file"],
  [{ incompatible: 0b10n }, "is marked as corrupt"],
  [{ incompatible: 0b10_0000n }, "has features that qn does not know (0x20)"],
  [{ incompatible: 1n << 63n }, "has features that qn does not know (0x8000000000000000)"],
  [{ extensions: [names, { type: dataFile, text: "/home/ann/taxes" }] }, "has an external data file"],
  [{ version: 2, extensions: [{ type: dataFile, text: "x" }] }, "has an external data file"],
  [{ extensions: [{ type: 0xe2_79_2a_ca, text: "raw" }] }, "names the format of a backing file"],
  [{ extensions: [{ type: 0x05_37_be_77, text: "x" }] }, "is encrypted"],
  [{ extensions: [{ type: 1 }] }, "has an extension that qn does not know (0x1)"],
  [
    { extensions: [{ ...names, size: 0xff_ff_ff_ff }, { type: dataFile }] },
    "has a head that is no whole one of a qcow2 image",
  ],
  [{ clusterBits: 8 }, "has a head that is no whole one of a qcow2 image"],
  [{ clusterBits: 22 }, "has a head that is no whole one of a qcow2 image"],
  [{ length: 71 }, "has a head that is no whole one of a qcow2 image"],
  [{ length: 65_537 }, "has a head that is no whole one of a qcow2 image"],
  [{ length: 60_000 }, "has a head that is no whole one of a qcow2 image"],
];

test("a disk that needs another file is told by what it needs", () => {
  expect(heads.map(([head]) => [head, whyNotAlone(qcow2Head(head))])).toEqual(heads.map((each) => [...each]));
});

test("a name in a head beyond its end is no more than empty", () => {
  const head = qcow2Head({ backing: "x" });
  head.writeBigUInt64BE(2n ** 64n - 1n, 8);
  head.writeUInt32BE(2 ** 32 - 1, 16);
  expect(whyNotAlone(head)).toBe('has a backing file ("")');
});

test("a name without its place, or a place without its name, is one of a backing file too", () => {
  const [placeless, nameless] = [qcow2Head(), qcow2Head()];
  placeless.writeUInt32BE(4, 16);
  nameless.writeBigUInt64BE(104n, 8);
  for (const head of [placeless, nameless]) expect(whyNotAlone(head)).toStartWith("has a backing file");
});

test("what is cut anywhere in its head is no whole image", () => {
  const whole = qcow2Head({ extensions: [names] });
  for (let length = 0; length < whole.length; length++) {
    expect(whyNotAlone(whole.subarray(0, length))).toMatch(/^(is no qcow2 image|has a head that is no whole one)/);
  }
  expect(whyNotAlone(whole)).toBeUndefined();
});

testWithChance("a spoiled head is refused or needs no other file, and never fails", async (chance) => {
  for (let round = 0; round < 20_000; round++) {
    const [head] = chance.pick(heads);
    const bytes = chance.below(10) === 0 ? chance.bytes(chance.below(200)) : chance.spoil(qcow2Head(head));
    if (whyNotAlone(bytes) !== undefined) continue;
    const features = bytes.readUInt32BE(4) === 3 ? bytes.readBigUInt64BE(72) : 0n;
    expect([bytes.readBigUInt64BE(8), bytes.readUInt32BE(16), bytes.readUInt32BE(32)]).toEqual([0n, 0, 0]);
    expect(features & ~0b1_1001n).toBe(0n);
  }
});
