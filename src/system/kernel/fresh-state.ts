/**
 * The state of files as their file system has it now, whatever the kernel remembers of it (statx(2) with
 * AT_STATX_FORCE_SYNC), through io_uring(7): nobody waits in a call. Linux only.
 */
import { closeSync } from "node:fs";
import { allocate, unmap } from "./memory.ts";
import { closeRing, completionsOf, entryBytes, eventsOf, openRing, type Ring, submit } from "./ring.ts";

/** What tells one state of a file from another. */
export type FileState = {
  readonly inode: bigint;
  readonly size: bigint;
  readonly modifiedNs: bigint;
  readonly isFolder: boolean;
};

/** Asks file systems. */
export class FreshStates {
  readonly #ring: Ring;
  readonly #told: number;
  readonly #reader: ReturnType<typeof readerOf>;
  readonly #block = allocate(askedAtOnce * slotBytes);
  #waiting: Question[] = [];
  #asking: Promise<void> | undefined;
  #isClosed = false;

  /** Throws when the kernel has no io_uring for us. */
  constructor() {
    this.#ring = openRing(askedAtOnce);
    this.#told = eventsOf(this.#ring);
    this.#reader = readerOf(this.#told);
  }

  /** The state of what is at `path`, of a link itself unless it `follows`; nothing of what cannot be seen. */
  async of(path: string, follows = false): Promise<FileState | undefined> {
    const bytes = Buffer.from(`${path}\0`);
    if (this.#isClosed || bytes.length > pathBytes) return undefined;
    const { promise, resolve } = Promise.withResolvers<FileState | undefined>();
    this.#waiting.push({ bytes, flags: AT_STATX_FORCE_SYNC | (follows ? 0 : AT_SYMLINK_NOFOLLOW), resolve });
    this.#asking ??= this.#askAll();
    return await promise;
  }

  /** Asks nothing any more. */
  close(): void {
    this.#isClosed = true;
    void this.#end();
  }

  async #end(): Promise<void> {
    // The kernel still writes to what was asked for.
    await this.#asking;
    void this.#reader.cancel().catch(() => {});
    closeRing(this.#ring);
    closeSync(this.#told);
    unmap(this.#block.address, askedAtOnce * slotBytes);
  }

  async #askAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const asked = this.#waiting.splice(0, askedAtOnce);
      try {
        await this.#ask(asked);
      } catch {
        // A kernel that takes no more: nothing is known of these.
      }
      for (const { resolve } of asked) resolve(undefined);
    }
    // At once: who is answered last asks the next.
    this.#asking = undefined;
  }

  async #ask(asked: readonly Question[]): Promise<void> {
    for (const [place, question] of asked.entries()) this.#write(place, question);
    submit(this.#ring, asked.length, 0);
    for (let answered = 0; answered < asked.length;) {
      await this.#reader.read();
      for (const { number, result } of completionsOf(this.#ring)) {
        answered += 1;
        asked[number]?.resolve(result === 0 ? this.#stateAt(number) : undefined);
      }
    }
  }

  /** struct io_uring_sqe of statx(2). */
  #write(place: number, { bytes, flags }: Question): void {
    const to = this.#block.address + place * slotBytes;
    const { entries } = this.#ring;
    const at = place * entryBytes;
    this.#block.bytes.set(bytes, place * slotBytes + stateBytes);
    entries.setUint8(at, IORING_OP_STATX);
    entries.setInt32(at + 4, AT_FDCWD, true);
    entries.setBigUint64(at + 8, BigInt(to), true);
    entries.setBigUint64(at + 16, BigInt(to + stateBytes), true);
    entries.setUint32(at + 24, STATX_BASIC_STATS, true);
    entries.setUint32(at + 28, flags, true);
    entries.setBigUint64(at + 32, BigInt(place), true);
  }

  /** From struct statx. */
  #stateAt(place: number): FileState {
    const { view } = this.#block;
    const at = place * slotBytes;
    return {
      inode: view.getBigUint64(at + 32, true),
      size: view.getBigUint64(at + 40, true),
      modifiedNs: view.getBigInt64(at + 112, true) * 1_000_000_000n + BigInt(view.getUint32(at + 120, true)),
      isFolder: (view.getUint16(at + 28, true) & S_IFMT) === S_IFDIR,
    };
  }
}

// --- internal ---

type Question = {
  /** The path, and a zero byte. */
  readonly bytes: Buffer;
  readonly flags: number;
  readonly resolve: (state: FileState | undefined) => void;
};

const IORING_OP_STATX = 21;
const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_STATX_FORCE_SYNC = 0x2000;
const STATX_BASIC_STATS = 0x7ff;
const S_IFMT = 0o170000;
const S_IFDIR = 0o040000;

/** So many questions are under way at once; each has its struct statx, and its path behind it (PATH_MAX). */
const askedAtOnce = 32;
const stateBytes = 256;
const pathBytes = 4096;
const slotBytes = stateBytes + pathBytes;

function readerOf(fd: number) {
  return Bun.file(fd).stream().getReader();
}
