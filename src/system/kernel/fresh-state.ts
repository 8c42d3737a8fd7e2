/**
 * The state of files as their file system has it now, whatever the kernel remembers of it (statx(2) with
 * AT_STATX_FORCE_SYNC), through io_uring(7): nobody waits in a call. Linux only.
 */
import { closeSync } from "node:fs";
import { after } from "../clock.ts";
import { allocate, unmap } from "./memory.ts";
import { allowWorkers, closeRing, completionsOf, entryBytes, eventsOf, openRing, type Ring, submit } from "./ring.ts";

/** What tells one state of a file from another. */
export type FileState = {
  readonly inode: bigint;
  readonly size: bigint;
  readonly modifiedNs: bigint;
  readonly isFolder: boolean;
};

/** Asks file systems. */
export class FreshStates {
  readonly #patienceMs: number;
  readonly #ring: Ring;
  readonly #told: number;
  readonly #reader: ReturnType<typeof readerOf>;
  readonly #block = allocate(askedAtOnce * slotBytes);
  /** Questions under way, by their slots, and those that wait for one. */
  readonly #asked = new Map<number, Question>();
  readonly #free = Array.from({ length: askedAtOnce }, (_, slot) => slot);
  #waiting: Question[] = [];
  #hearing: Promise<void> | undefined;
  #isClosed = false;

  /** Throws when the kernel has no io_uring for us. Nobody waits longer than `patienceMs` for a slot. */
  constructor(patienceMs = usualPatienceMs) {
    this.#patienceMs = patienceMs;
    this.#ring = openRing(askedAtOnce);
    this.#told = eventsOf(this.#ring);
    allowWorkers(this.#ring, askedAtOnce);
    this.#reader = readerOf(this.#told);
  }

  /** The state of what is at `path`, of a link itself unless it `follows`; nothing of what cannot be seen. */
  async of(path: string, follows = false): Promise<FileState | undefined> {
    const bytes = Buffer.from(`${path}\0`);
    if (this.#isClosed || bytes.length > pathBytes) return undefined;
    const { promise, resolve } = Promise.withResolvers<FileState | undefined>();
    const question = { bytes, flags: AT_STATX_FORCE_SYNC | (follows ? 0 : AT_SYMLINK_NOFOLLOW), resolve };
    this.#waiting.push(question);
    this.#ask();
    if (!this.#waiting.includes(question)) return await promise;
    const late = after(this.#patienceMs, () => this.#leave(question), { background: true });
    void promise.then(() => late.cancel());
    return await promise;
  }

  /** Asks nothing any more. */
  close(): void {
    this.#isClosed = true;
    for (const { resolve } of this.#waiting.splice(0)) resolve(undefined);
    void this.#end();
  }

  async #end(): Promise<void> {
    // The kernel still writes to what was asked for.
    await this.#hearing;
    void this.#reader.cancel().catch(() => {});
    closeRing(this.#ring);
    closeSync(this.#told);
    unmap(this.#block.address, askedAtOnce * slotBytes);
  }

  /** All slots are taken by file systems that do not answer: nothing is known of this one. */
  #leave(question: Question): void {
    this.#waiting = this.#waiting.filter((each) => each !== question);
    question.resolve(undefined);
  }

  /** Asks for as many as there are slots; a file system that does not answer keeps its own, and nobody else waiting. */
  #ask(): void {
    const asked = this.#waiting
      .splice(0, this.#free.length)
      .map((question) => [this.#free.pop() ?? 0, question] as const);
    if (asked.length === 0) return;
    for (const [place, [slot, question]] of asked.entries()) this.#write(place, slot, question);
    try {
      submit(this.#ring, asked.length, 0);
    } catch {
      // A kernel that takes no more: nothing is known of these, to whose slots it may write later all the same.
      for (const [, { resolve }] of asked) resolve(undefined);
      return;
    }
    for (const [slot, question] of asked) this.#asked.set(slot, question);
    this.#hearing ??= this.#hear();
  }

  async #hear(): Promise<void> {
    while (this.#asked.size > 0) {
      await this.#reader.read();
      for (const { number: slot, result } of completionsOf(this.#ring)) {
        this.#asked.get(slot)?.resolve(result === 0 ? this.#stateAt(slot) : undefined);
        this.#asked.delete(slot);
        this.#free.push(slot);
      }
      this.#ask();
    }
    // At once: who is answered last asks the next.
    this.#hearing = undefined;
  }

  /** struct io_uring_sqe of statx(2). */
  #write(place: number, slot: number, { bytes, flags }: Question): void {
    const to = this.#block.address + slot * slotBytes;
    const { entries } = this.#ring;
    const at = place * entryBytes;
    this.#block.bytes.set(bytes, slot * slotBytes + stateBytes);
    entries.setUint8(at, IORING_OP_STATX);
    entries.setInt32(at + 4, AT_FDCWD, true);
    entries.setBigUint64(at + 8, BigInt(to), true);
    entries.setBigUint64(at + 16, BigInt(to + stateBytes), true);
    entries.setUint32(at + 24, STATX_BASIC_STATS, true);
    entries.setUint32(at + 28, flags, true);
    entries.setBigUint64(at + 32, BigInt(slot), true);
  }

  /** From struct statx. */
  #stateAt(slot: number): FileState {
    const { view } = this.#block;
    const at = slot * slotBytes;
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

/** How long whoever asks waits for a slot: a file system answers in milliseconds, or does not. */
const usualPatienceMs = 5_000;

/** So many questions are under way at once; each has its struct statx, and its path behind it (PATH_MAX). */
const askedAtOnce = 32;
const stateBytes = 256;
const pathBytes = 4096;
const slotBytes = stateBytes + pathBytes;

function readerOf(fd: number) {
  return Bun.file(fd).stream().getReader();
}
