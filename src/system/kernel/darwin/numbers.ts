/**
 * Where macOS numbers otherwise what Linux and FUSE say: errors, and flags of calls (XNU's bsd/sys/errno.h, fcntl.h,
 * stdio.h, unistd.h, xattr.h and stat.h). Pure.
 */
import * as flag from "../file-flags.ts";
import { O_PATH } from "../libc.ts";

const EIO = 5;

/** The numbers up to here are the same, but for EDEADLK. */
const sameErrorsMax = 34;

/** Linux' numbers of macOS' errors; what Linux has no word for is EIO. */
const errorNumbers: Readonly<Record<number, number>> = {
  11: 35, // EDEADLK
  35: 11, // EAGAIN
  36: 115, // EINPROGRESS
  37: 114, // EALREADY
  38: 88, // ENOTSOCK
  39: 89, // EDESTADDRREQ
  40: 90, // EMSGSIZE
  41: 91, // EPROTOTYPE
  42: 92, // ENOPROTOOPT
  43: 93, // EPROTONOSUPPORT
  44: 94, // ESOCKTNOSUPPORT
  45: 95, // ENOTSUP, which Linux calls EOPNOTSUPP
  46: 96, // EPFNOSUPPORT
  47: 97, // EAFNOSUPPORT
  48: 98, // EADDRINUSE
  49: 99, // EADDRNOTAVAIL
  50: 100, // ENETDOWN
  51: 101, // ENETUNREACH
  52: 102, // ENETRESET
  53: 103, // ECONNABORTED
  54: 104, // ECONNRESET
  55: 105, // ENOBUFS
  56: 106, // EISCONN
  57: 107, // ENOTCONN
  58: 108, // ESHUTDOWN
  59: 109, // ETOOMANYREFS
  60: 110, // ETIMEDOUT
  61: 111, // ECONNREFUSED
  62: 40, // ELOOP
  63: 36, // ENAMETOOLONG
  64: 112, // EHOSTDOWN
  65: 113, // EHOSTUNREACH
  66: 39, // ENOTEMPTY
  68: 87, // EUSERS
  69: 122, // EDQUOT
  70: 116, // ESTALE
  71: 66, // EREMOTE
  77: 37, // ENOLCK
  78: 38, // ENOSYS
  84: 75, // EOVERFLOW
  89: 125, // ECANCELED
  90: 43, // EIDRM
  91: 42, // ENOMSG
  92: 84, // EILSEQ
  93: 61, // ENOATTR, which Linux calls ENODATA
  94: 74, // EBADMSG
  95: 72, // EMULTIHOP
  96: 61, // ENODATA
  97: 67, // ENOLINK
  98: 63, // ENOSR
  99: 60, // ENOSTR
  100: 71, // EPROTO
  101: 62, // ETIME
  102: 95, // EOPNOTSUPP
  104: 131, // ENOTRECOVERABLE
  105: 130, // EOWNERDEAD
};

/** What Linux calls an error of macOS. */
export function linuxError(number: number): number {
  return errorNumbers[number] ?? (number <= sameErrorsMax ? number : EIO);
}

/** A flag of open(2) that only macOS has: the descriptor keeps no disk from being ejected. */
export const O_EVTONLY = 0x8000;
/** A folder that may be searched and not read. */
export const O_SEARCH = 0x40000000 | 0x100000;
/** No link anywhere on the way. */
export const O_NOFOLLOW_ANY = 0x20000000;

/** A part of Linux' O_SYNC. */
const O_DSYNC = 0o10000;

/** Linux' flag, and macOS'. O_NOATIME and O_TMPFILE have none; O_PATH is `openPath`'s (file-calls.ts). */
const openFlags: readonly (readonly [number, number])[] = [
  [flag.O_CREAT, 0x200],
  [flag.O_EXCL, 0x800],
  [flag.O_TRUNC, 0x400],
  [flag.O_APPEND, 0x8],
  [flag.O_NONBLOCK, 0x4],
  [O_DSYNC, 0x400000],
  [flag.O_SYNC, 0x80],
  [flag.O_DIRECTORY, 0x100000],
  [flag.O_NOFOLLOW, 0x100],
];
const O_CLOEXEC = 0x1000000;

/** Flags of open(2) in macOS' numbers; always with O_CLOEXEC. */
export function openFlagsOf(flags: number): number {
  let own = (flags & flag.O_ACCMODE) | O_CLOEXEC;
  for (const [linux, darwin] of openFlags) if ((flags & linux) === linux) own |= darwin;
  return own;
}

/** Whether a file without a name is asked for. */
export const isUnnamed = (flags: number): boolean => (flags & flag.O_TMPFILE) === flag.O_TMPFILE;

/** Whether no file is to be open. */
export const isPathOnly = (flags: number): boolean => (flags & O_PATH) !== 0;

const AT_FDCWD = -2;
const AT_REMOVEDIR = 0x80;
/** Of the *at calls: a link itself. */
export const AT_SYMLINK_NOFOLLOW = 0x20;

/** Where a path begins. */
export const folderFdOf = (fd: number): number => (fd === flag.AT_FDCWD ? AT_FDCWD : fd);

/** What unlinkat(2) takes away. */
export const unlinkFlagsOf = (flags: number): number => (flags === flag.AT_REMOVEDIR ? AT_REMOVEDIR : 0);

/** RENAME_NOREPLACE and RENAME_EXCHANGE are RENAME_EXCL and RENAME_SWAP there (renameatx_np(2)). */
export const renameFlagsOf = (flags: number): number => ((flags & 1) === 0 ? 0 : 4) | (flags & 2);

/** XATTR_CREATE and XATTR_REPLACE, of which XATTR_NOFOLLOW has the lowest bit. */
export const attributeFlagsOf = (flags: number): number => (flags & 3) << 1;

/** SEEK_DATA and SEEK_HOLE are exchanged. */
export const whenceOf = (whence: number): number => (whence === 3 ? 4 : whence === 4 ? 3 : whence);

/** UTIME_NOW and UTIME_OMIT, in the nanoseconds of a time. */
export const nanosecondsOf = (linux: number): number => (linux === 0x3fffffff ? -1 : linux === 0x3ffffffe ? -2 : linux);

/** A command of fcntl(2): the path of what is open. */
export const F_GETPATH = 50;
/** A request of ffsctl(2), which waits for the volume to be on the disk (bsd/sys/fsctl.h). */
export const FSIOC_SYNC_VOLUME = 0x80044101;
export const FSCTL_SYNC_WAIT = 2;
/** FIOCLEX of ioctl(2): close at exec. It takes no argument, so it is no call of a variable number of them. */
export const FIOCLEX = 0x20006601;

/** MAXPATHLEN. */
export const pathBytes = 1024;
