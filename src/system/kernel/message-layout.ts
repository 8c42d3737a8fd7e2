/**
 * Messages with descriptors as sendmsg(2) and recvmsg(2) have them in memory: struct msghdr, and a struct cmsghdr of
 * SCM_RIGHTS. The systems differ in lengths, alignment and numbers (linux/socket.h, XNU's bsd/sys/socket.h). Pure.
 */
import type { HostOs } from "../../base/words.ts";

/** Where things lie in struct msghdr, and in a control message; and the numbers that its members have. */
export type MessageLayout = {
  /** Of struct msghdr; its buffers stand at the same places everywhere. */
  readonly flags: number;
  /** Of struct cmsghdr, whose length is first; its descriptors begin at `data`. */
  readonly level: number;
  readonly type: number;
  readonly data: number;
  /** Control messages take a multiple of so many bytes. */
  readonly alignment: number;
  readonly solSocket: number;
  /** MSG_CTRUNC, MSG_DONTWAIT, and what else is asked for when a message is received, or sent. */
  readonly truncated: number;
  readonly dontWait: number;
  readonly receiving: number;
  readonly sending: number;
};

/**
 * Linux closes what was received at exec (MSG_CMSG_CLOEXEC) and sends without a signal (MSG_NOSIGNAL). On a Mac the
 * one is asked for later, and the other is left out: the runtime ignores the signal.
 */
export const messageLayouts: Readonly<Record<HostOs, MessageLayout>> = {
  linux: {
    flags: 48,
    level: 8,
    type: 12,
    data: 16,
    alignment: 8,
    solSocket: 1,
    truncated: 8,
    dontWait: 0x40,
    receiving: 0x40000000,
    sending: 0x4000,
  },
  darwin: {
    flags: 44,
    level: 4,
    type: 8,
    data: 12,
    alignment: 4,
    solSocket: 0xffff,
    truncated: 0x20,
    dontWait: 0x80,
    receiving: 0,
    sending: 0,
  },
};

const SCM_RIGHTS = 1;
const vectors = 16;
const vectorsCount = 24;
const control = 32;
const controlLength = 40;

/** Writes struct msghdr at the beginning: its one buffer's vector, and its control message of so many bytes. */
export function writeMessageHead(
  view: DataView,
  head: { readonly vector: number; readonly control: number; readonly controlBytes: number },
): void {
  setAddress(view, vectors, head.vector);
  view.setUint32(vectorsCount, 1, true);
  setAddress(view, control, head.control);
  view.setUint32(controlLength, head.controlBytes, true);
}

/** The bytes that a control message with so many descriptors takes; none without. */
export function controlBytesOf({ data, alignment }: MessageLayout, count: number): number {
  return count === 0 ? 0 : data + alignment * Math.ceil((4 * count) / alignment);
}

/** Writes the control message that passes descriptors at `at`. */
export function writeDescriptors(view: DataView, at: number, layout: MessageLayout, fds: readonly number[]): void {
  view.setUint32(at, layout.data + 4 * fds.length, true);
  view.setUint32(at + layout.level, layout.solSocket, true);
  view.setUint32(at + layout.type, SCM_RIGHTS, true);
  for (const [index, each] of fds.entries()) view.setInt32(at + layout.data + 4 * index, each, true);
}

/** The descriptors, at most `max`, of the control message that was received at `at`; none of any other. */
export function descriptorsIn(view: DataView, at: number, layout: MessageLayout, max: number): number[] {
  if (view.getUint32(controlLength, true) < layout.data) return [];
  const isRights = view.getUint32(at + layout.level, true) === layout.solSocket;
  if (!isRights || view.getUint32(at + layout.type, true) !== SCM_RIGHTS) return [];
  const count = Math.min(max, (view.getUint32(at, true) - layout.data) / 4);
  return Array.from({ length: count }, (_, index) => view.getInt32(at + layout.data + 4 * index, true));
}

/** Whether the kernel has left something of the control message out. */
export function isTruncated(view: DataView, { flags, truncated }: MessageLayout): boolean {
  return (view.getInt32(flags, true) & truncated) !== 0;
}

/** Writes an address. */
export function setAddress(view: DataView, at: number, address: number): void {
  view.setUint32(at, address % 2 ** 32, true);
  view.setUint32(at + 4, Math.floor(address / 2 ** 32), true);
}
