/** The end of a log that this program writes for another one, and that may be cut meanwhile. */
import { closeSync, constants, openSync, writeSync } from "node:fs";
import { messageOf } from "../../../base/errors.ts";
import { sayAsError } from "../../../system/standard-error.ts";

/** A log that one of QEMU's voices comes to. */
export class AppendedLog {
  readonly #path: string;
  #fd: number | undefined;
  #isRefused = false;

  constructor(path: string) {
    this.#path = path;
    this.#fd = this.#attempt(() => openSync(path, appending, 0o600));
  }

  /** What cannot be written is lost: a full disk is no reason to let the guest wait, and no end of the VM. */
  write(bytes: Uint8Array): void {
    const fd = this.#fd;
    if (fd !== undefined) this.#attempt(() => writeSync(fd, bytes));
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  #attempt<Value>(action: () => Value): Value | undefined {
    try {
      return action();
    } catch (error) {
      if (!this.#isRefused) sayAsError(`${this.#path} does not take what is said: ${messageOf(error)}\n`);
      this.#isRefused = true;
      return undefined;
    }
  }
}

// --- internal ---

/** At its end, wherever that is after it was cut; a FIFO in its place does not keep the supervisor waiting. */
const appending = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK;
