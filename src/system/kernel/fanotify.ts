/** The door to fanotify(7): who changes which files, by the process that does it. Linux only. */
import { FFIType } from "bun:ffi";
import { closeSync } from "node:fs";
import { turn } from "../clock.ts";
import { text } from "./libc.ts";
import { fromLibrary } from "./library.ts";

/** What has happened to an entry of a folder, or to a file by itself. */
export type FileEvent = {
  /** The keys that `mark` gave, of the folder and of the entry; empty for one that is not told. */
  readonly folder: string;
  readonly entry: string;
  /** The entry's name in the folder; "." is the folder itself. */
  readonly name: string;
  /** Another entry has come, gone or got another name; the entry is a folder. */
  readonly isOfNames: boolean;
  readonly isFolder: boolean;
  /** It is gone, as far as this event goes. */
  readonly isGone: boolean;
  /** This process has done it. */
  readonly isOwn: boolean;
  /** There were more events than the kernel keeps: whatever was known by them is not known any more. */
  readonly isOverflow: boolean;
};

/**
 * A group of marks, all on one file system: the kernel mixes none that has no number, as FUSE has none, with another
 * (fanotify_mark(2), EXDEV).
 */
export type FileEvents = {
  /**
   * Tells from now on what happens to a file, or to a folder and what lies right in it, as long as somebody holds it;
   * `path` may be one of /proc/self/fd. Gives the key by which events name it; nothing where the kernel cannot.
   */
  mark(path: string): string | undefined;
  /** Resolves when all that has happened before has been told. */
  drained(): Promise<void>;
  close(): void;
};

/** Opens a group; nothing when the kernel has none for us. */
export function openFileEvents(onEvents: (events: readonly FileEvent[]) => void): FileEvents | undefined {
  const group = libc().fanotify_init(initFlags, 0);
  if (group < 0) return undefined;
  const reader = Bun.file(group).stream().getReader();
  const read = async (): Promise<void> => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      onEvents(eventsIn(value));
    }
  };
  void read().catch(() => {});
  return {
    mark(path) {
      const key = keyOf(path);
      if (key === undefined) return undefined;
      return libc().fanotify_mark(group, markFlags, watchedMask, AT_FDCWD, text(path)) === 0 ? key : undefined;
    },
    async drained() {
      while (waitingBytes(group) > 0) await turn();
      // What has been read is told by now, or with the loop's next turn.
      await turn();
    },
    close() {
      void reader.cancel().catch(() => {});
      closeSync(group);
    },
  };
}

// --- internal ---

const { i32, u32, u64, ptr } = FFIType;

/**
 * FAN_CLOEXEC, FAN_NONBLOCK, FAN_UNLIMITED_MARKS, FAN_REPORT_FID, FAN_REPORT_DIR_FID and FAN_REPORT_NAME
 * (linux/fanotify.h).
 */
const initFlags = 0x1 | 0x2 | 0x20 | 0x200 | 0x400 | 0x800;

/** FAN_MARK_ADD, and FAN_MARK_EVICTABLE: a mark keeps nothing in memory. */
const markFlags = 0x1 | 0x200;

const FAN_MODIFY = 0x2n;
const FAN_ATTRIB = 0x4n;
const FAN_CLOSE_WRITE = 0x8n;
const FAN_MOVED_FROM = 0x40n;
const FAN_MOVED_TO = 0x80n;
const FAN_CREATE = 0x100n;
const FAN_DELETE = 0x200n;
const FAN_Q_OVERFLOW = 0x4000n;
const FAN_EVENT_ON_CHILD = 0x8000000n;
const FAN_ONDIR = 0x40000000n;

const goneMask = FAN_MOVED_FROM | FAN_DELETE;
const comeMask = FAN_MOVED_TO | FAN_CREATE;
const contentMask = FAN_MODIFY | FAN_ATTRIB | FAN_CLOSE_WRITE;
const watchedMask = contentMask | comeMask | goneMask | FAN_EVENT_ON_CHILD | FAN_ONDIR;

/** Kinds of records behind an event. */
const FAN_EVENT_INFO_TYPE_FID = 1;
const FAN_EVENT_INFO_TYPE_DFID_NAME = 2;
const FAN_EVENT_INFO_TYPE_DFID = 3;

const AT_FDCWD = -100;
const AT_HANDLE_FID = 0x200;
const AT_SYMLINK_FOLLOW = 0x400;

/** MAX_HANDLE_SZ of open_by_handle_at(2), behind the number of bytes and the type. */
const handleBytesMax = 128;
const handleHeadBytes = 8;

/** The file handle of what is at `path`, as events have it. */
function keyOf(path: string): string | undefined {
  const handle = Buffer.alloc(handleHeadBytes + handleBytesMax);
  handle.writeUInt32LE(handleBytesMax, 0);
  const mountId = Buffer.alloc(4);
  const flags = AT_HANDLE_FID | AT_SYMLINK_FOLLOW;
  if (libc().name_to_handle_at(AT_FDCWD, text(path), handle, mountId, flags) !== 0) return undefined;
  return handleAt(handle, 0).key;
}

/** FIONREAD of ioctl(2) (asm-generic/ioctls.h). */
const FIONREAD = 0x541bn;

/** How much the kernel keeps for who reads a group. */
function waitingBytes(group: number): number {
  const count = Buffer.alloc(4);
  return libc().ioctl(group, FIONREAD, count) === 0 ? count.readInt32LE(0) : 0;
}

/** A struct file_handle: its words as a key, and where it ends. */
function handleAt(bytes: Buffer, at: number): { readonly key: string; readonly end: number } {
  const end = at + handleHeadBytes + bytes.readUInt32LE(at);
  return { key: bytes.toString("hex", at, end), end };
}

/** From struct fanotify_event_metadata, and the struct fanotify_event_info_fid behind each. */
function eventsIn(chunk: Uint8Array): FileEvent[] {
  const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  const events: FileEvent[] = [];
  const headBytes = 24;
  for (let at = 0; at + headBytes <= bytes.length;) {
    const end = at + bytes.readUInt32LE(at);
    const mask = bytes.readBigUInt64LE(at + 8);
    const names = { folder: "", entry: "", name: "" };
    for (let info = at + bytes.readUInt16LE(at + 6); info < end; info += bytes.readUInt16LE(info + 2)) {
      const kind = bytes.readUInt8(info);
      // Behind kind and length, and the file system's number.
      const handle = handleAt(bytes, info + 12);
      if (kind === FAN_EVENT_INFO_TYPE_FID) names.entry = handle.key;
      if (kind === FAN_EVENT_INFO_TYPE_DFID || kind === FAN_EVENT_INFO_TYPE_DFID_NAME) names.folder = handle.key;
      if (kind !== FAN_EVENT_INFO_TYPE_DFID_NAME) continue;
      names.name = bytes.toString("utf8", handle.end, bytes.indexOf(0, handle.end));
    }
    events.push({
      ...names,
      isOfNames: (mask & (comeMask | goneMask)) !== 0n,
      isFolder: (mask & FAN_ONDIR) !== 0n,
      isGone: (mask & goneMask) !== 0n && (mask & (comeMask | contentMask)) === 0n,
      isOwn: bytes.readInt32LE(at + 20) === process.pid,
      isOverflow: (mask & FAN_Q_OVERFLOW) !== 0n,
    });
    at = end;
  }
  return events;
}

const libc = fromLibrary({
  fanotify_init: { args: [u32, u32], returns: i32 },
  fanotify_mark: { args: [i32, u32, u64, i32, ptr], returns: i32 },
  ioctl: { args: [i32, u64, ptr], returns: i32 },
  name_to_handle_at: { args: [i32, ptr, ptr, ptr, i32], returns: i32 },
});
