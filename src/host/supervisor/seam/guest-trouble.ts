/**
 * What QEMU tells of a guest in trouble: it has panicked and starts anew, or a disk of the host is full and QEMU has
 * paused it.
 */
import { statfs } from "node:fs/promises";
import { byteSize } from "../../../base/words.ts";
import { every, type Timer } from "../../../system/clock.ts";
import type { QmpClient } from "../../qmp/client.ts";
import { queryStatus } from "../../qmp/commands.ts";
import type { Event } from "../states.ts";

/** How often a full disk is looked at while the guest waits for it: nobody tells when there is space again. */
const lookMs = 2_000;

/** As much space as has to be free before the guest goes on, or it would stop again at once. */
const enoughBytes = 64 * 1024 ** 2;

/** A guest that stops again so soon has not got its write through. */
const inVainMs = 1_000;

/** It goes on this often all the same, in looks: what it writes may fit meanwhile. */
const looksPerTry = 30;

/** How the kernel begins to say what is wrong, and the longest part of a line of it that is kept. */
const trouble = /BUG: |Oops: |general protection|invalid opcode|stack guard|cut here|Unable to handle/;
const kernelLineMax = 200;

/** What the watch needs. */
export type TroubleOptions = {
  /** The folders that have the VM's disks, which may lie on two file systems. */
  readonly folders: readonly [string, ...string[]];
  /** The last lines of the guest's console. */
  readonly console: () => readonly string[];
  /** The guest has begun anew: whatever was linked to it is no more. */
  readonly onReset: () => void;
  readonly dispatch: (event: Event) => void;
  readonly warn: (text: string) => void;
  readonly log: (text: string) => void;
};

/** The troubles of one QEMU. */
export class GuestTrouble {
  readonly #options: TroubleOptions;
  readonly #qmp: QmpClient;
  #space: Timer | undefined;
  #looks = 0;
  /** What has to be free before the next try. */
  #wantedBytes = enoughBytes;
  /** When the guest was last told to go on, and how much was free then. */
  #tried = { atMs: Number.NEGATIVE_INFINITY, freeBytes: 0 };

  constructor(qmp: QmpClient, options: TroubleOptions) {
    this.#options = options;
    this.#qmp = qmp;
  }

  /** Looks at what came before anybody listened: a QEMU that is taken over may be waiting. */
  async begin(): Promise<void> {
    try {
      const { status } = await queryStatus(this.#qmp);
      if (status === "io-error") this.#pause(true);
    } catch (error) {
      this.#options.log(`QEMU does not say how it is: ${String(error)}`);
    }
  }

  /** Takes an event of QEMU's (qapi/run-state.json, qapi/block-core.json). */
  hear({ name, data }: { readonly name: string; readonly data: Readonly<Record<string, unknown>> }): void {
    if (name === "RESET" && data["guest"] === true) this.#startsAnew();
    if (name === "BLOCK_IO_ERROR" && data["action"] === "stop") this.#pause(data["nospace"] === true);
    if (name === "RESUME") this.#goOn();
  }

  close(): void {
    this.#space?.cancel();
  }

  /** A guest whose kernel panics resets itself (`panic=-1` on its command line), as does one that somebody reboots. */
  #startsAnew(): void {
    const { onReset, dispatch, warn, log } = this.#options;
    const console = this.#options.console();
    const end = console.findLastIndex((line) => line.includes("Kernel panic"));
    const words = console[end]?.replace(/^.*?Kernel panic/, "Kernel panic");
    log(`the guest starts anew${words === undefined ? "" : `: ${words}`}`);
    // What led to it goes from the console's log with the next boots, and is all that a report of it can be of use by.
    const begin = Math.max(
      0,
      console.slice(0, end + 1).findIndex((line) => trouble.test(line)),
    );
    for (const line of console.slice(begin, end + 1)) log(`its kernel: ${line.slice(0, kernelLineMax)}`);
    if (words !== undefined) warn(`The guest's kernel could not go on and starts anew: ${words}`);
    dispatch({ type: "guest-reset", hasPanicked: words !== undefined });
    onReset();
  }

  /**
   * QEMU has stopped the guest in the middle of a write, and writes again when it goes on: nothing is lost. One write
   * may want more than is free by now (a file system that is made zeroes hundreds of megabytes at once): then the guest
   * goes on when there is more, and nobody is told twice.
   */
  #pause(isFull: boolean): void {
    if (this.#space !== undefined) return;
    const { dispatch, log } = this.#options;
    const isInVain = performance.now() - this.#tried.atMs < inVainMs;
    this.#wantedBytes = isInVain ? this.#tried.freeBytes + enoughBytes : enoughBytes;
    if (isInVain) log(`That was not enough: the VM waits until ${byteSize(this.#wantedBytes)} are free.`);
    else void this.#tell(isFull).catch((error: unknown) => log(String(error)));
    this.#looks = 0;
    this.#space = every(lookMs, () => void this.#tryAgain());
    dispatch({ type: "waits" });
  }

  async #tell(isFull: boolean): Promise<void> {
    const { warn, log } = this.#options;
    const { folder } = await this.#leastRoom();
    const words = isFull
      ? `The disk of this machine that holds ${folder} is full. The VM waits, and goes on when there is space.`
      : `This machine cannot write to the VM's disks in ${folder}. The VM waits, and tries again.`;
    log(words);
    warn(words);
  }

  /** Of a QEMU that is found waiting nobody knows which disk it is: it is the one with the least room. */
  async #leastRoom(): Promise<{ readonly folder: string; readonly freeBytes: number }> {
    const rooms = await Promise.all(
      this.#options.folders.map(async (folder) => {
        const { bavail, bsize } = await statfs(folder);
        return { folder, freeBytes: bavail * bsize };
      }),
    );
    return rooms.reduce((least, each) => (each.freeBytes < least.freeBytes ? each : least));
  }

  async #tryAgain(): Promise<void> {
    const { log } = this.#options;
    try {
      this.#looks += 1;
      const { freeBytes } = await this.#leastRoom();
      const wantedBytes = this.#looks % looksPerTry === 0 ? enoughBytes : this.#wantedBytes;
      if (freeBytes < wantedBytes) return;
      log(`${byteSize(freeBytes)} are free; the guest goes on`);
      this.#tried = { atMs: performance.now(), freeBytes };
      await this.#qmp.execute("cont");
    } catch (error) {
      log(`the guest cannot go on: ${String(error)}`);
    }
  }

  #goOn(): void {
    if (this.#space === undefined) return;
    this.#space.cancel();
    this.#space = undefined;
    this.#options.dispatch({ type: "resumed" });
  }
}
