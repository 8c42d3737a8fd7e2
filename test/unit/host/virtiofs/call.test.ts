/** Requests of FUSE and messages of vhost-user as hostile peers write them. */
import { expect, test } from "bun:test";
import { Call } from "../../../../src/host/virtiofs/fuse/call.ts";
import { errors } from "../../../../src/host/virtiofs/fuse/wire.ts";
import * as vhost from "../../../../src/host/virtiofs/vhost/wire.ts";

function callWith(text: string, cutAt = 40 + Buffer.byteLength(text)): Call {
  const buffer = new ArrayBuffer(8192);
  const bytes = new Uint8Array(buffer);
  bytes.fill(65);
  bytes.set(Buffer.from(text), 40);
  const call = new Call({ address: 0, bytes, view: new DataView(buffer) });
  call.length = cutAt;
  return call;
}

test.each<[string, number]>([
  ["name\0", 4],
  ["...\0", 3],
  [".a\0", 2],
  [`${"x".repeat(255)}\0`, 255],
  ["\u00e9\n\0", 3],
  [`${"x".repeat(256)}\0`, errors.ENAMETOOLONG],
  ["\0", errors.EINVAL],
  [".\0", errors.EINVAL],
  ["..\0", errors.EINVAL],
  ["/\0", errors.EINVAL],
  ["../etc\0", errors.EINVAL],
  ["a/b\0", errors.EINVAL],
  ["never ends", errors.EINVAL],
])("the name %j has the length or error %d", (text, expected) => {
  expect(callWith(text).nameLength(0)).toBe(expected);
});

test("a name ends before the request does, whatever lies behind it", () => {
  expect(callWith("name\0", 44).nameLength(0)).toBe(errors.EINVAL);
  expect(callWith("name\0").nameLength(5)).toBe(errors.EINVAL);
  expect(callWith("name\0").nameLength(9000)).toBe(errors.EINVAL);
});

const viewOf = (...words: number[]): DataView => new DataView(Uint32Array.from(words).buffer);

test("a message of QEMU says its request, whether it waits, and how long it is", () => {
  expect(vhost.parseHeader(viewOf(5, 9, 40))).toEqual({ request: 5, needsReply: true, size: 40 });
});

test.each([
  ["another version", [5, 2, 8]],
  ["a length of gigabytes", [5, 1, 0xffffffff]],
] as const)("a message with %s is refused", (_, words) => {
  expect(() => vhost.parseHeader(viewOf(...words))).toThrow(RangeError);
});

test("a memory table of more regions than there are, or fewer bytes than it says, is refused", () => {
  expect(() => vhost.parseMemoryTable(viewOf(9, 0))).toThrow(RangeError);
  expect(() => vhost.parseMemoryTable(viewOf(1, 0, 0, 0))).toThrow(RangeError);
  expect(() => vhost.parseMemoryTable(viewOf(1, 0, 0, 0xffffffff, 0, 0, 0, 0, 0, 0))).toThrow(RangeError);
});

test("a memory table gives its regions", () => {
  const regions = vhost.parseMemoryTable(viewOf(1, 0, 4096, 0, 8192, 0, 0, 1, 512, 0));
  expect(regions).toEqual([{ guestAddress: 4096, size: 8192, qemuAddress: 2 ** 32, fileOffset: 512 }]);
});
