/** struct statx (statx(2)), read; pure. */
import { statx } from "../../../system/kernel/statx.ts";
import type { Identity } from "./node-records.ts";

/** Types of files, the upper four bits of a mode. */
export const fileType = { fifo: 1, character: 2, folder: 4, block: 6, regular: 8, link: 10, socket: 12 } as const;

/** Which file it is. A file system without times of birth has zeroes there. */
export function identityIn(view: DataView): Identity {
  return {
    device: deviceIn(view),
    inodeLow: view.getUint32(statx.inode, true),
    inodeHigh: view.getUint32(statx.inode + 4, true),
    type: view.getUint16(statx.mode, true) >>> 12,
    bornSeconds: view.getUint32(statx.born, true),
    bornNanoseconds: view.getUint32(statx.born + 8, true),
  };
}

/** The file system that it lies in, as one number. */
export function deviceIn(view: DataView): number {
  return ((view.getUint32(statx.deviceMajor, true) << 20) | view.getUint32(statx.deviceMinor, true)) >>> 0;
}
