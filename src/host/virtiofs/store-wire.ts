/**
 * What worker and holder of a share say to each other over a packet socket: keep this with its descriptors, forget
 * that; to a new worker all that was kept; and the request to bring something to the disk. Pure.
 */

/** What a packet is for. */
export const packet = { keep: 1, forget: 2, end: 3, sync: 4, synced: 5 } as const;

/**
 * Keys of what is kept: a message of QEMU by its request and ring, QEMU's connection, a listener by its node, a file
 * that is open.
 */
export const keys = {
  message: (request: number, ring: number): number => (request << 8) | ring,
  connection: 2 ** 24,
  listener: (node: number): number => 2 ** 30 + node,
  handle: (handle: number): number => 2 ** 31 + handle,
} as const;

/** Where the body of a packet begins. */
export const packetHead = 8;

/** No packet is longer. */
export const packetMax = packetHead + 2048;

/** What the body of a request to bring a file to the disk says, and of its answer. */
export type SyncWords = {
  readonly place: number;
  readonly uniqueLow: number;
  /** Of the request: what is to be on the disk (`syncKind`). Of the answer: 0, an error's number, or `notKept`. */
  readonly value: number;
};

/** The answer when nobody else can do it. */
export const notKept = 1;

/** The bytes of a packet with such a body. */
export const syncBytes = packetHead + 12;

/** Writes the body of such a packet. */
export function writeSyncWords(view: DataView, { place, uniqueLow, value }: SyncWords): void {
  view.setUint32(packetHead, place, true);
  view.setUint32(packetHead + 4, uniqueLow, true);
  view.setInt32(packetHead + 8, value, true);
}

/** Reads it. */
export function syncWordsIn(view: DataView): SyncWords {
  return {
    place: view.getUint32(packetHead, true),
    uniqueLow: view.getUint32(packetHead + 4, true),
    value: view.getInt32(packetHead + 8, true),
  };
}

/** Writes a packet's head: what it is for, and its key. */
export function writePacketHead(view: DataView, kind: number, key: number): void {
  view.setUint32(0, kind, true);
  view.setUint32(4, key, true);
}

/** Reads it. */
export function packetHeadIn(view: DataView): { readonly kind: number; readonly key: number } {
  return { kind: view.getUint32(0, true), key: view.getUint32(4, true) };
}

/** The handle by which the guest has a file open; nothing for another key. */
export function handleOf(key: number): number | undefined {
  return key >= 2 ** 31 ? key - 2 ** 31 : undefined;
}

/** The node of a socket that answers this machine; nothing for another key. */
export function listenerOf(key: number): number | undefined {
  return key >= 2 ** 30 && key < 2 ** 31 ? key - 2 ** 30 : undefined;
}
