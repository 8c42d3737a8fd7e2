/** The messages of vhost-user (QEMU's docs/interop/vhost-user.rst): numbers and shapes; pure. */

/** Requests that QEMU sends to the server of a device. */
export const requests = {
  getFeatures: 1,
  setFeatures: 2,
  setOwner: 3,
  resetOwner: 4,
  setMemoryTable: 5,
  setRingSize: 8,
  setRingAddresses: 9,
  setRingBase: 10,
  getRingBase: 11,
  setRingKick: 12,
  setRingCall: 13,
  setRingError: 14,
  getProtocolFeatures: 15,
  setProtocolFeatures: 16,
  getQueueCount: 17,
  setRingEnable: 18,
} as const;

/** VIRTIO_F_RING_INDIRECT_DESC, VIRTIO_F_RING_EVENT_IDX, VHOST_USER_F_PROTOCOL_FEATURES and VIRTIO_F_VERSION_1. */
export const deviceFeatures = (1n << 28n) | (1n << 29n) | (1n << 30n) | (1n << 32n);

/** VIRTIO_F_RING_EVENT_IDX alone. */
export const eventIndexFeature = 1n << 29n;

/** VHOST_USER_PROTOCOL_F_MQ and VHOST_USER_PROTOCOL_F_REPLY_ACK. */
export const protocolFeatures = (1n << 0n) | (1n << 3n);

/** The bytes before each payload. */
export const headerBytes = 12;

/** No payload that is known here is longer. */
export const payloadMax = 1024;

/** A message's beginning. */
export type Header = { readonly request: number; readonly needsReply: boolean; readonly size: number };

const versionMask = 0x3;
const version = 1;
const replyFlag = 0x4;
const needReplyFlag = 0x8;

/** Reads a message's beginning. Throws when it is none of version 1, or longer than any. */
export function parseHeader(view: DataView): Header {
  const flags = view.getUint32(4, true);
  const size = view.getUint32(8, true);
  if ((flags & versionMask) !== version) throw new RangeError(`vhost-user: version ${flags & versionMask}`);
  if (size > payloadMax) throw new RangeError(`vhost-user: a message of ${size} bytes`);
  return { request: view.getUint32(0, true), needsReply: (flags & needReplyFlag) !== 0, size };
}

/** Writes the beginning of an answer. */
export function writeReplyHeader(view: DataView, request: number, size: number): void {
  view.setUint32(0, request, true);
  view.setUint32(4, version | replyFlag, true);
  view.setUint32(8, size, true);
}

/** A piece of the guest's memory: its address there, in QEMU, and where it begins in the file that comes along. */
export type Region = {
  readonly guestAddress: number;
  readonly size: number;
  readonly qemuAddress: number;
  readonly fileOffset: number;
};

const regionsMax = 8;

/** The memory table. Throws on more than eight regions, and on numbers that no address can be. */
export function parseMemoryTable(view: DataView): readonly Region[] {
  const count = view.getUint32(0, true);
  if (count > regionsMax || view.byteLength < 8 + 32 * count) throw new RangeError(`vhost-user: ${count} regions`);
  return Array.from({ length: count }, (_, index) => {
    const at = 8 + 32 * index;
    return {
      guestAddress: number64(view, at),
      size: number64(view, at + 8),
      qemuAddress: number64(view, at + 16),
      fileOffset: number64(view, at + 24),
    };
  });
}

/** Where the three parts of a ring lie, as addresses in QEMU. */
export type RingAddresses = {
  readonly index: number;
  readonly descriptors: number;
  readonly used: number;
  readonly available: number;
};

/** The addresses of a ring; the log of changed pages is not taken. */
export function parseRingAddresses(view: DataView): RingAddresses {
  return {
    index: view.getUint32(0, true),
    descriptors: number64(view, 8),
    used: number64(view, 16),
    available: number64(view, 24),
  };
}

/** A number and which ring it is about. */
export function parseRingState(view: DataView): { readonly index: number; readonly value: number } {
  return { index: view.getUint32(0, true), value: view.getUint32(4, true) };
}

/** Which ring a descriptor is for, and whether there is one. */
export function parseRingDescriptor(view: DataView): { readonly index: number; readonly has: boolean } {
  const value = view.getUint32(0, true);
  return { index: value & 0xff, has: (value & 0x100) === 0 };
}

/** A 64-bit number as a JavaScript number. Throws above 2^53, where no address or size is. */
function number64(view: DataView, at: number): number {
  const high = view.getUint32(at + 4, true);
  if (high >= 2 ** 21) throw new RangeError("a number above 2^53");
  return high * 2 ** 32 + view.getUint32(at, true);
}
