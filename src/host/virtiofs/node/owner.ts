/**
 * Whose a file is in containers, where the host's file is this user's own whatever they say: one extended attribute
 * keeps it as text, such as "999:999:100600:0". Whoever may write to the file on the host may write that too: what does
 * not fit the file counts for nothing. Pure.
 */
import { statx } from "../../../system/kernel/statx.ts";
import { fileType } from "./stat.ts";

/** Owner, mode with its type in the upper bits, and a device's number in the kernel's form of 32 bits. */
export type Owner = { readonly uid: number; readonly gid: number; readonly mode: number; readonly device: number };

/** The attribute's name, and more bytes than any value of it has. */
export const ownerAttribute = "user.qn.owner";
export const ownerBytesMax = 64;

const PERMISSIONS = 0o7777;
const pattern = /^(\d{1,10}):(\d{1,10}):([1-7][0-7]{4,5}):(\d{1,10})$/;

/** (uid_t) -1 is nobody's number. */
const numberMax = 0xfffffffe;

/** The attribute's value. */
export function formatOwner({ uid, gid, mode, device }: Owner): string {
  return `${uid}:${gid}:${mode.toString(8)}:${device}`;
}

/** Reads it; nothing for what `formatOwner` never writes. */
export function parseOwner(value: Uint8Array): Owner | undefined {
  const [, uid, gid, mode, device] = pattern.exec(Buffer.from(value).toString("latin1")) ?? [];
  const owner = { uid: Number(uid), gid: Number(gid), mode: parseInt(mode ?? "", 8), device: Number(device) };
  const fits = owner.uid <= numberMax && owner.gid <= numberMax && owner.mode <= 0o177777 && owner.device <= 0xffffffff;
  return fits ? owner : undefined;
}

/** What the host's file of that type may carry: files stand in for special files, and links have no attributes. */
export function carriesOwner(type: number): boolean {
  return type === fileType.regular || type === fileType.folder;
}

/**
 * The permissions of the host's file: its user, who serves it, may read and write it whatever containers say, and
 * nobody runs it as another user or group.
 */
export function permissionsOnHost(mode: number): number {
  if (mode >>> 12 === fileType.folder) return (mode & 0o1777) | 0o700;
  return mode >>> 12 === fileType.regular ? (mode & 0o777) | 0o600 : mode & 0o1777;
}

/** Owner and mode as they stand in struct statx. */
export function ownerIn(stat: DataView): Owner {
  const major = stat.getUint32(statx.rdevMajor, true);
  const minor = stat.getUint32(statx.rdevMinor, true);
  return {
    uid: stat.getUint32(statx.uid, true),
    gid: stat.getUint32(statx.gid, true),
    mode: stat.getUint16(statx.mode, true),
    device: ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0,
  };
}

/**
 * Lays what is kept over what the host says of the file. Permissions that the host has changed since are the host's;
 * a file with bytes in it stands in for no special file.
 */
export function writeOwner(stat: DataView, owner: Owner): void {
  const host = stat.getUint16(statx.mode, true);
  const type = typeOf(stat, owner);
  if (type === undefined) return;
  const isAsKept = (host & PERMISSIONS) === permissionsOnHost((host & ~PERMISSIONS) | (owner.mode & PERMISSIONS));
  stat.setUint32(statx.uid, owner.uid, true);
  stat.setUint32(statx.gid, owner.gid, true);
  stat.setUint16(statx.mode, (type << 12) | ((isAsKept ? owner.mode : host) & PERMISSIONS), true);
  if (type !== fileType.character && type !== fileType.block) return;
  stat.setUint32(statx.rdevMajor, (owner.device >>> 8) & 0xfff, true);
  stat.setUint32(statx.rdevMinor, (owner.device & 0xff) | ((owner.device >>> 12) & 0xfff00), true);
}

// --- internal ---

const standIns: ReadonlySet<number> = new Set([fileType.fifo, fileType.character, fileType.block, fileType.socket]);

/** The type that containers see; nothing where the value is of another file. */
function typeOf(stat: DataView, { mode }: Owner): number | undefined {
  const host = stat.getUint16(statx.mode, true) >>> 12;
  if (mode >>> 12 === host) return carriesOwner(host) || host === fileType.socket ? host : undefined;
  if (host !== fileType.regular || !standIns.has(mode >>> 12)) return undefined;
  const isEmpty = stat.getUint32(statx.size, true) === 0 && stat.getUint32(statx.size + 4, true) === 0;
  return isEmpty ? mode >>> 12 : host;
}
