/** What is kept of a file's owner, as text and over what the host says. */
import { statx } from "../../../../src/system/kernel/statx.ts";
import { expect, test } from "bun:test";
import {
  formatOwner,
  type Owner,
  ownerBytesMax,
  ownerIn,
  parseOwner,
  permissionsOnHost,
  writeOwner,
} from "../../../../src/host/virtiofs/node/owner.ts";

const parse = (text: string): Owner | undefined => parseOwner(Buffer.from(text, "latin1"));

/** What containers see of a host's file of user 1000, for what is kept. */
function seen(mode: number, kept: Owner, size = 0): Owner {
  const stat = new DataView(new ArrayBuffer(256));
  stat.setUint32(statx.uid, 1000, true);
  stat.setUint32(statx.gid, 1000, true);
  stat.setUint16(statx.mode, mode, true);
  stat.setUint32(statx.size, size, true);
  writeOwner(stat, kept);
  return ownerIn(stat);
}

const hosts = (mode: number): Owner => ({ uid: 1000, gid: 1000, mode, device: 0 });

test("an owner is the same after a round through its text, which is short", () => {
  for (const owner of [
    { uid: 0, gid: 0, mode: 0o100644, device: 0 },
    { uid: 0xfffffffe, gid: 0xfffffffe, mode: 0o177777, device: 0xffffffff },
    { uid: 999, gid: 1, mode: 0o40700, device: 0 },
  ]) {
    expect(parse(formatOwner(owner))).toEqual(owner);
    expect(formatOwner(owner).length).toBeLessThan(ownerBytesMax);
  }
});

test.each([
  "",
  "0",
  "0:0:100644",
  "0:0:100644:0:0",
  "0:0:100644:0\n",
  " 0:0:100644:0",
  "-1:0:100644:0",
  "4294967295:0:100644:0",
  "0:99999999999:100644:0",
  "0:0:100648:0",
  "0:0:200000:0",
  "0:0:777777:0",
  "0:0:100644:4294967296",
  "0x0:0:100644:0",
  "٣:0:100644:0",
])("what nobody has written is no owner: %p", (text) => {
  expect(parse(text)).toBeUndefined();
});

test("on the host a file is its user's to read and write, and runs as nobody else", () => {
  expect(permissionsOnHost(0o100000)).toBe(0o600);
  expect(permissionsOnHost(0o106755)).toBe(0o755);
  expect(permissionsOnHost(0o43777)).toBe(0o1777);
  expect(permissionsOnHost(0o40000)).toBe(0o700);
});

test("what is kept is what containers see, until the host changes permissions itself", () => {
  const kept = { uid: 999, gid: 998, mode: 0o104040, device: 0 };
  expect(seen(0o100640, kept)).toEqual(kept);
  expect(seen(0o100644, kept)).toEqual({ ...kept, mode: 0o100644 });
});

test("an empty file stands in for a special one, and a file with bytes in it for none", () => {
  const device = { uid: 0, gid: 6, mode: 0o60660, device: 0x12345678 };
  expect(seen(0o100660, device)).toEqual(device);
  expect(seen(0o100660, device, 1)).toEqual({ uid: 0, gid: 6, mode: 0o100660, device: 0 });
  expect(seen(0o100600, { uid: 0, gid: 0, mode: 0o10600, device: 7 })).toEqual({
    uid: 0,
    gid: 0,
    mode: 0o10600,
    device: 0,
  });
});

test("what is kept of another type of file counts for nothing", () => {
  for (const [host, kept] of [
    [0o100644, 0o40755],
    [0o100644, 0o120777],
    [0o40755, 0o100644],
    [0o40755, 0o60600],
    [0o120777, 0o120777],
    [0o10644, 0o10644],
    [0o100644, 0o30644],
    [0o100644, 0o644],
  ] as const) {
    expect([kept, seen(host, { uid: 0, gid: 0, mode: kept, device: 0 })]).toEqual([kept, hosts(host)]);
  }
});
