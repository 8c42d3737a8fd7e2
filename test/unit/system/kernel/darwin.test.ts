/** What macOS has otherwise than Linux, against its headers (XNU's bsd/sys): numbers, layouts in memory, lengths. */
import { expect, test } from "bun:test";
import { constants } from "node:os";
import {
  linuxEntries,
  linuxStatfsBytes,
  statBytes,
  statfsBytes,
  writeStatfs,
  writeStatx,
} from "../../../../src/system/kernel/darwin/layouts.ts";
import * as darwin from "../../../../src/system/kernel/darwin/numbers.ts";
import * as flag from "../../../../src/system/kernel/file-flags.ts";
import { O_PATH } from "../../../../src/system/kernel/libc.ts";
import {
  controlBytesOf,
  descriptorsIn,
  messageLayouts,
  writeDescriptors,
  writeMessageHead,
} from "../../../../src/system/kernel/message-layout.ts";
import { statx, statxBytes } from "../../../../src/system/kernel/statx.ts";

/** bsd/sys/errno.h. */
const errors = {
  EPERM: 1,
  ENOENT: 2,
  EINTR: 4,
  EIO: 5,
  ENXIO: 6,
  E2BIG: 7,
  EBADF: 9,
  EDEADLK: 11,
  ENOMEM: 12,
  EACCES: 13,
  EBUSY: 16,
  EEXIST: 17,
  EXDEV: 18,
  ENODEV: 19,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  ENFILE: 23,
  EMFILE: 24,
  ENOTTY: 25,
  ETXTBSY: 26,
  EFBIG: 27,
  ENOSPC: 28,
  ESPIPE: 29,
  EROFS: 30,
  EMLINK: 31,
  EPIPE: 32,
  EDOM: 33,
  ERANGE: 34,
  EAGAIN: 35,
  EINPROGRESS: 36,
  EALREADY: 37,
  ENOTSOCK: 38,
  EDESTADDRREQ: 39,
  EMSGSIZE: 40,
  EPROTOTYPE: 41,
  ENOPROTOOPT: 42,
  EPROTONOSUPPORT: 43,
  EAFNOSUPPORT: 47,
  EADDRINUSE: 48,
  EADDRNOTAVAIL: 49,
  ENETDOWN: 50,
  ENETUNREACH: 51,
  ENETRESET: 52,
  ECONNABORTED: 53,
  ECONNRESET: 54,
  ENOBUFS: 55,
  EISCONN: 56,
  ENOTCONN: 57,
  ETIMEDOUT: 60,
  ECONNREFUSED: 61,
  ELOOP: 62,
  ENAMETOOLONG: 63,
  EHOSTUNREACH: 65,
  ENOTEMPTY: 66,
  EDQUOT: 69,
  ESTALE: 70,
  ENOLCK: 77,
  ENOSYS: 78,
  EOVERFLOW: 84,
  ECANCELED: 89,
  EIDRM: 90,
  ENOMSG: 91,
  EILSEQ: 92,
  EBADMSG: 94,
  EMULTIHOP: 95,
  ENODATA: 96,
  ENOLINK: 97,
  ENOSR: 98,
  ENOSTR: 99,
  EPROTO: 100,
  ETIME: 101,
  EOPNOTSUPP: 102,
} as const;

test.skipIf(process.platform !== "linux")("an error of macOS has the number that Linux gives its name", () => {
  const linux: Readonly<Record<string, number>> = constants.errno;
  for (const [name, number] of Object.entries(errors))
    expect([name, darwin.linuxError(number)]).toEqual([name, linux[name] ?? 0]);
  // Names of macOS' alone: ENOTSUP and ENOATTR, and what Linux has no word for (EPROCLIM, EBADRPC, EFTYPE, EAUTH).
  expect([45, 93, 67, 72, 79, 80].map(darwin.linuxError)).toEqual([95, 61, 5, 5, 5, 5]);
});

test("flags of Linux are macOS' in its numbers", () => {
  const closed = 0x1000000;
  expect(darwin.openFlagsOf(0)).toBe(closed);
  expect(darwin.openFlagsOf(1 | flag.O_TRUNC | flag.O_APPEND)).toBe(closed | 1 | 0x400 | 0x8);
  expect(darwin.openFlagsOf(2 | flag.O_CREAT | flag.O_EXCL | flag.O_NOFOLLOW)).toBe(closed | 2 | 0x200 | 0x800 | 0x100);
  expect(darwin.openFlagsOf(flag.O_DIRECTORY | flag.O_NONBLOCK)).toBe(closed | 0x100000 | 0x4);
  expect(darwin.openFlagsOf(flag.O_SYNC)).toBe(closed | 0x80 | 0x400000);
  // O_DSYNC alone; O_NOATIME is nothing that macOS has.
  expect(darwin.openFlagsOf(0o10000 | flag.O_NOATIME)).toBe(closed | 0x400000);
  expect([darwin.isUnnamed(flag.O_TMPFILE | 2), darwin.isUnnamed(flag.O_DIRECTORY)]).toEqual([true, false]);
  expect([darwin.isPathOnly(O_PATH | flag.O_NOFOLLOW), darwin.isPathOnly(flag.O_NOFOLLOW)]).toEqual([true, false]);
  expect([-100, 7].map(darwin.folderFdOf)).toEqual([-2, 7]);
  expect([0, 0x200].map(darwin.unlinkFlagsOf)).toEqual([0, 0x80]);
  expect([0, 1, 2].map(darwin.renameFlagsOf)).toEqual([0, 4, 2]);
  expect([0, 1, 2].map(darwin.attributeFlagsOf)).toEqual([0, 2, 4]);
  expect([0, 1, 2, 3, 4].map(darwin.whenceOf)).toEqual([0, 1, 2, 4, 3]);
  expect([5, 0x3fffffff, 0x3ffffffe].map(darwin.nanosecondsOf)).toEqual([5, -1, -2]);
});

test("requests of ioctl are as their macros make them", () => {
  // _IO('f', 1), and _IOW('A', 1, uint32_t) (bsd/sys/ioccom.h).
  expect(darwin.FIOCLEX).toBe(0x20000000 + 0x66 * 256 + 1);
  expect(darwin.FSIOC_SYNC_VOLUME).toBe(0x80000000 + 4 * 65_536 + 0x41 * 256 + 1);
});

test("struct stat of macOS is told as struct statx", () => {
  expect([statBytes, statxBytes]).toEqual([144, 256]);
  const from = new DataView(new ArrayBuffer(statBytes));
  from.setInt32(0, 0x0100_0012, true);
  from.setUint16(4, 0o100640, true);
  from.setUint16(6, 3, true);
  from.setBigUint64(8, 0x1234_5678_9abc_def0n, true);
  from.setUint32(16, 501, true);
  from.setUint32(20, 20, true);
  from.setUint32(24, (7 << 24) | 0x1234, true);
  // Accessed, modified, changed, born: seconds and nanoseconds of 64 bits each.
  for (const [index, at] of [32, 48, 64, 80].entries()) {
    from.setBigInt64(at, BigInt(1000 + index), true);
    from.setBigInt64(at + 8, BigInt(index), true);
  }
  from.setBigInt64(96, 5_000_000_001n, true);
  from.setBigInt64(104, 9n, true);
  from.setInt32(112, 4096, true);
  const to = new DataView(new ArrayBuffer(statxBytes));
  writeStatx(to, from);
  const times = [statx.accessed, statx.modified, statx.changed, statx.born];
  expect(times.map((at) => [to.getBigInt64(at, true), to.getUint32(at + 8, true)])).toEqual([
    [1000n, 0],
    [1001n, 1],
    [1002n, 2],
    [1003n, 3],
  ]);
  expect([
    to.getBigUint64(statx.inode, true),
    to.getBigUint64(statx.size, true),
    to.getBigUint64(statx.blocks, true),
  ]).toEqual([0x1234_5678_9abc_def0n, 5_000_000_001n, 9n]);
  const numbers = [statx.links, statx.uid, statx.gid, statx.blockSize, statx.rdevMajor, statx.rdevMinor];
  expect(numbers.map((at) => to.getUint32(at, true))).toEqual([3, 501, 20, 4096, 7, 0x1234]);
  expect(to.getUint16(statx.mode, true)).toBe(0o100640);
  const device = to.getUint32(statx.deviceMajor, true) * 2 ** 20 + to.getUint32(statx.deviceMinor, true);
  expect(device).toBe(0x0100_0012);
});

test("struct statfs of macOS is told as Linux'", () => {
  expect([statfsBytes, linuxStatfsBytes]).toEqual([2168, 120]);
  const from = new DataView(new ArrayBuffer(statfsBytes));
  from.setUint32(0, 4096, true);
  for (const index of [0, 1, 2, 3, 4]) from.setBigUint64(8 + 8 * index, BigInt(index + 1) << 33n, true);
  const to = new DataView(new ArrayBuffer(linuxStatfsBytes));
  writeStatfs(to, from);
  expect([0, 1, 2, 3, 4].map((index) => to.getBigUint64(16 + 8 * index, true) >> 33n)).toEqual([1n, 2n, 3n, 4n, 5n]);
  expect([8, 64, 72].map((at) => to.getBigUint64(at, true))).toEqual([4096n, 255n, 4096n]);
});

test("entries of folders are told as Linux', with positions that are counted", () => {
  const from = new DataView(new ArrayBuffer(1024));
  let length = 0;
  const entry = (inode: bigint, type: number, name: string): void => {
    const bytes = Buffer.from(name);
    const record = (21 + bytes.length + 1 + 3) & ~3;
    from.setBigUint64(length, inode, true);
    from.setUint16(length + 16, record, true);
    from.setUint16(length + 18, bytes.length, true);
    from.setUint8(length + 20, type);
    new Uint8Array(from.buffer).set(bytes, length + 21);
    length += record;
  };
  entry(7n, 4, ".");
  entry(0n, 8, "removed");
  // 90 letters that macOS takes, and 270 bytes, which Linux does not.
  entry(8n, 8, "あ".repeat(90));
  entry(9n, 10, "é");
  const { bytes, before, count } = linuxEntries(from, length, 5);
  expect([before, count, bytes.length]).toEqual([5, 2, 48]);
  const records = [Buffer.from(bytes.subarray(0, 24)), Buffer.from(bytes.subarray(24))];
  const told = records.map((record) => [
    record.readBigUInt64LE(0),
    record.readBigUInt64LE(8),
    record.readUInt16LE(16),
    record[18],
    record.subarray(19, record.indexOf(0, 19)).toString(),
  ]);
  expect(told).toEqual([
    [7n, 6n, 24, 4, "."],
    [9n, 7n, 24, 10, "é"],
  ]);
});

test("a message of macOS has other lengths than one of Linux, and passes the same descriptors", () => {
  const written = (["linux", "darwin"] as const).map((os) => {
    const layout = messageLayouts[os];
    const view = new DataView(new ArrayBuffer(256));
    writeMessageHead(view, { vector: 2 ** 40 + 1, control: 2 ** 41 + 2, controlBytes: controlBytesOf(layout, 3) });
    writeDescriptors(view, 128, layout, [7, 8, 9]);
    expect(descriptorsIn(view, 128, layout, 2)).toEqual([7, 8]);
    view.setUint32(40, 0, true);
    expect(descriptorsIn(view, 128, layout, 16)).toEqual([]);
    return [...new Uint8Array(view.buffer, 128, 28)].map((byte) => byte.toString(16)).join(" ");
  });
  // struct cmsghdr: its length, SOL_SOCKET and SCM_RIGHTS, and where CMSG_DATA is (__DARWIN_ALIGN32 of 12).
  expect(written).toEqual([
    "1c 0 0 0 0 0 0 0 1 0 0 0 1 0 0 0 7 0 0 0 8 0 0 0 9 0 0 0",
    "18 0 0 0 ff ff 0 0 1 0 0 0 7 0 0 0 8 0 0 0 9 0 0 0 0 0 0 0",
  ]);
  const space = (os: "linux" | "darwin") => [0, 1, 2, 3].map((count) => controlBytesOf(messageLayouts[os], count));
  expect([space("linux"), space("darwin")]).toEqual([
    [0, 24, 24, 32],
    [0, 16, 20, 24],
  ]);
});
