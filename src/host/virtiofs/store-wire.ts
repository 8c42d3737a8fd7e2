/**
 * What worker and holder of a share say to each other over a packet socket: keep this with its descriptors, forget
 * that; and to a new worker all that was kept. Pure.
 */

/** What a packet is for. */
export const packet = { keep: 1, forget: 2, end: 3 } as const;

/** Keys of what is kept: a message of QEMU by its request and ring, QEMU's connection, a file that is open. */
export const keys = {
  message: (request: number, ring: number): number => (request << 8) | ring,
  connection: 2 ** 24,
  handle: (handle: number): number => 2 ** 31 + handle,
} as const;

/** Where the body of a packet begins. */
export const packetHead = 8;

/** No packet is longer. */
export const packetMax = packetHead + 2048;

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
