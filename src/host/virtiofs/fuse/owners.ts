/**
 * Whose files are: on the host itself where root serves a mount, and in an attribute of each file where an ordinary
 * user does, to whom the host's files belong whatever containers say.
 */
import {
  chmodFd,
  chownFd,
  findAttribute,
  findAttributeAt,
  removeAttributeFd,
  setAttribute,
  statAt,
  statFd,
} from "../../../system/kernel/file-calls.ts";
import { allocate } from "../../../system/kernel/memory.ts";
import { statx, statxBytes } from "../../../system/kernel/statx.ts";
import {
  carriesOwner,
  formatOwner,
  type Owner,
  ownerAttribute,
  ownerBytesMax,
  ownerIn,
  parseOwner,
  permissionsOnHost,
  writeOwner,
} from "../node/owner.ts";
import { fileType } from "../node/stat.ts";
import type { Listeners } from "./listeners.ts";
import { errors } from "./wire.ts";

/** What a request changes of a file. */
export type OwnerChange = { readonly uid?: number; readonly gid?: number; readonly mode?: number };

/** Statuses are 0 or an error's number below zero; modes have their type in the upper bits. */
export type Owners = {
  /** Whether empty files stand in for FIFOs, sockets and devices. */
  readonly hasStandIns: boolean;
  /** The permissions that a new file of this mode is made with on the host. */
  permissions(mode: number): number;
  /** Turns what the host says of a file, in struct statx, into what containers see. */
  see(fd: number, stat: DataView): void;
  /** Whether anything is kept of the file of that name, of which the host says `stat`. */
  isKeptAt(folder: number, name: number, length: number, stat: DataView): boolean;
  /** The type that containers see of an entry that the host lists with `type`. */
  typeAt(folder: number, name: number, length: number, type: number): number;
  /** Changes whose a file is and what it may be used for; `seen` is what containers see of it now. */
  change(fd: number, seen: DataView, change: OwnerChange): number;
  /** Makes a new file that of who asked for it, in a folder that may hand its group down. */
  give(fd: number, folder: number, owner: Owner): number;
};

/** Where the owners of sockets are kept that answer this machine. */
type SocketOwners = Pick<Listeners, "ownerOf" | "setOwner">;

/** Those of a server that runs as this user. */
export function ownersFor(uid: number, sockets: SocketOwners): Owners {
  return uid === 0 ? new RealOwners() : new KeptOwners(uid, sockets);
}

// --- internal ---

const SET_USER = 0o4000;
const SET_GROUP = 0o2000;
const PERMISSIONS = 0o7777;
/** (uid_t) -1, which chown(2) takes for "as it is". */
const SAME = -1;

const isFolder = (mode: number): boolean => mode >>> 12 === fileType.folder;

/** Root's: the host has it all. */
class RealOwners implements Owners {
  readonly hasStandIns = false;
  readonly #stat = allocate(statxBytes);

  permissions(mode: number): number {
    return mode & PERMISSIONS;
  }

  see(): void {
    // What the host says is true.
  }

  isKeptAt(): boolean {
    return false;
  }

  typeAt(...[, , , type]: Parameters<Owners["typeAt"]>): number {
    return type;
  }

  change(fd: number, seen: DataView, { uid, gid, mode }: OwnerChange): number {
    if (mode !== undefined) {
      const isLink = ownerIn(seen).mode >>> 12 === fileType.link;
      const status = isLink ? errors.EOPNOTSUPP : chmodFd(fd, mode);
      if (status < 0) return status;
    }
    return uid === undefined && gid === undefined ? 0 : chownFd(fd, (uid ?? SAME) | 0, (gid ?? SAME) | 0);
  }

  give(fd: number, folder: number, { uid, gid, mode }: Owner): number {
    if (uid === 0 && gid === 0) return 0;
    statFd(folder, this.#stat.address);
    const handsDown = (ownerIn(this.#stat.view).mode & SET_GROUP) !== 0;
    chownFd(fd, uid | 0, handsDown ? SAME : gid | 0);
    // Which takes these bits away.
    if (!isFolder(mode) && (mode & (SET_USER | SET_GROUP)) !== 0) chmodFd(fd, mode & PERMISSIONS);
    return 0;
  }
}

/** An ordinary user's: what the host would refuse is kept. */
class KeptOwners implements Owners {
  readonly hasStandIns = true;
  readonly #uid: number;
  readonly #sockets: SocketOwners;
  readonly #name = allocate(64);
  readonly #value = allocate(ownerBytesMax);
  readonly #stat = allocate(statxBytes);

  constructor(uid: number, sockets: SocketOwners) {
    this.#uid = uid;
    this.#sockets = sockets;
    this.#name.bytes.set(Buffer.from(`${ownerAttribute}\0`));
  }

  permissions(mode: number): number {
    return permissionsOnHost(mode);
  }

  see(fd: number, stat: DataView): void {
    const owner = this.#mayCarry(stat)
      ? this.#valueOf(findAttribute(fd, this.#name.address, this.#value))
      : this.#sockets.ownerOf(stat);
    if (owner !== undefined) writeOwner(stat, owner);
  }

  isKeptAt(folder: number, name: number, length: number, stat: DataView): boolean {
    if (!this.#mayCarry(stat)) return this.#sockets.ownerOf(stat) !== undefined;
    return findAttributeAt(folder, name, length, this.#name.address, this.#value) > 0;
  }

  typeAt(folder: number, name: number, length: number, type: number): number {
    if (type !== fileType.regular) return type;
    const owner = this.#valueOf(findAttributeAt(folder, name, length, this.#name.address, this.#value));
    if (owner === undefined || owner.mode >>> 12 === type) return type;
    const { address, view } = this.#stat;
    if (statAt(folder, name, address) < 0 || !this.#mayCarry(view)) return type;
    writeOwner(view, owner);
    return ownerIn(view).mode >>> 12;
  }

  change(fd: number, seen: DataView, { uid, gid, mode }: OwnerChange): number {
    const before = ownerIn(seen);
    // A link's owner and mode are of no use to anybody, and Linux keeps no attribute of it: `chown -R` goes on.
    if (before.mode >>> 12 === fileType.link) return mode === undefined ? 0 : errors.EOPNOTSUPP;
    const isGiven = uid !== undefined || gid !== undefined;
    const next = mode === undefined ? before.mode : (before.mode & ~PERMISSIONS) | (mode & PERMISSIONS);
    const after = {
      uid: uid ?? before.uid,
      gid: gid ?? before.gid,
      mode: isGiven && !isFolder(next) ? next & ~setIdBits(next) : next,
      device: before.device,
    };
    const status = this.#store(fd, after);
    if (status !== errors.EOPNOTSUPP) return status;
    // A file system without attributes has what the host itself can have.
    const isOther = after.uid !== before.uid || after.gid !== before.gid;
    return isOther || (after.mode & (SET_USER | SET_GROUP)) !== 0
      ? errors.EPERM
      : chmodFd(fd, after.mode & PERMISSIONS);
  }

  give(fd: number, folder: number, owner: Owner): number {
    const { address, view } = this.#stat;
    // A link, or a special file where no attributes are: nothing can be kept of it.
    if (statFd(fd, address) < 0) return 0;
    if (!carriesOwner(ownerIn(view).mode >>> 12) && !this.#sockets.setOwner(view, owner)) return 0;
    const status = statFd(folder, address);
    if (status < 0) return status;
    this.see(folder, view);
    const above = ownerIn(view);
    const handsDown = (above.mode & SET_GROUP) !== 0;
    const mode = handsDown && isFolder(owner.mode) ? owner.mode | SET_GROUP : owner.mode;
    const given = this.#store(fd, { ...owner, mode, gid: handsDown ? above.gid : owner.gid });
    // Where the host keeps no attributes a file is the user's; but nothing stands in for a special file unmarked.
    const isItself = owner.mode >>> 12 === fileType.regular || isFolder(owner.mode);
    return given === errors.EOPNOTSUPP && isItself ? 0 : given;
  }

  /** Only what the host would not say by itself is kept. EOPNOTSUPP where the host keeps no attributes. */
  #store(fd: number, owner: Owner): number {
    const { address, view } = this.#stat;
    const status = statFd(fd, address);
    if (status < 0) return status;
    const host = ownerIn(view);
    const type = host.mode & ~PERMISSIONS;
    if (!this.#isOurs(view)) return errors.EPERM;
    const permissions = permissionsOnHost(type | (owner.mode & PERMISSIONS));
    if ((host.mode & PERMISSIONS) !== permissions) {
      const changed = chmodFd(fd, permissions);
      if (changed < 0) return changed;
    }
    if (this.#sockets.setOwner(view, owner)) return 0;
    if (owner.uid === host.uid && owner.gid === host.gid && owner.mode === (type | permissions)) {
      removeAttributeFd(fd, this.#name.address);
      return 0;
    }
    const value = Buffer.from(formatOwner(owner));
    this.#value.bytes.set(value);
    const kept = setAttribute(fd, this.#name.address, this.#value.address, value.length, 0);
    if (kept < 0) chmodFd(fd, host.mode & PERMISSIONS);
    return kept;
  }

  /** Others of this machine name nobody an owner. */
  #mayCarry(stat: DataView): boolean {
    return this.#isOurs(stat) && carriesOwner(stat.getUint16(statx.mode, true) >>> 12);
  }

  #isOurs(stat: DataView): boolean {
    return stat.getUint32(statx.uid, true) === this.#uid;
  }

  #valueOf(length: number): Owner | undefined {
    return length > 0 ? parseOwner(this.#value.bytes.subarray(0, length)) : undefined;
  }
}

/** What a file loses when somebody else gets it or writes to it. */
const setIdBits = (mode: number): number => SET_USER | ((mode & 0o10) === 0 ? 0 : SET_GROUP);
