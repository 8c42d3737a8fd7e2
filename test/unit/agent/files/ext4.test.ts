/** The superblock of ext4, by the kernel's description of it. */
import { expect, test } from "bun:test";
import { readExt4, superblockEnd } from "../../../../src/agent/files/ext4.ts";

/** The start of a device with 5 blocks more than 32 bits count, of 4 KiB each. */
function start(change: (view: DataView) => void = () => {}): Uint8Array {
  const bytes = new Uint8Array(superblockEnd);
  const view = new DataView(bytes.buffer, 1_024);
  view.setUint16(0x38, 0xef53, true);
  view.setUint32(0x04, 5, true);
  view.setUint32(0x150, 1, true);
  view.setUint32(0x18, 2, true);
  bytes.set(Buffer.from("disk-of-16-bytes"), 1_024 + 0x78);
  change(view);
  return bytes;
}

test("blocks beyond 32 bits count where the file system says that it has them, and only there", () => {
  const label = "disk-of-16-bytes";
  const wide = start((view) => view.setUint32(0x60, 0x80 | 0x2, true));
  expect(readExt4(wide)).toEqual({ sizeBytes: (2 ** 32 + 5) * 4_096, label, isUsed: false });
  expect(readExt4(start())).toEqual({ sizeBytes: 5 * 4_096, label, isUsed: false });
});

test("a mount leaves its time or its count, and either tells of it", () => {
  expect(readExt4(start((view) => view.setUint32(0x2c, 1, true)))).toMatchObject({ isUsed: true });
  expect(readExt4(start((view) => view.setUint16(0x34, 1, true)))).toMatchObject({ isUsed: true });
});

test("what is short or has another magic number is no file system of this kind", () => {
  expect([readExt4(start().subarray(1)), readExt4(new Uint8Array(superblockEnd))]).toEqual([undefined, undefined]);
});
