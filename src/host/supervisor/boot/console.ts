/** The guest's console on its way from QEMU to serial.log: it comes no further while nobody takes it. */
import { closeSync, constants, openSync, writeSync } from "node:fs";
import { messageOf } from "../../../base/errors.ts";
import { turn } from "../../../system/clock.ts";
import { type Connection, connect } from "../../../system/net/connection.ts";

/** A console that is kept in a log. */
export type Console = {
  /** Resolves when all that the guest has said by now is in the log. */
  heard(): Promise<void>;
  close(): void;
};

/**
 * Writes what the guest says into the log, until closed or QEMU ends. Where nobody listens at `socketPath` the QEMU is
 * of an older qn, which writes to the log itself.
 */
export async function keepConsole(socketPath: string, logPath: string): Promise<Console> {
  const connection = await connect({ unix: socketPath }).catch(() => undefined);
  if (connection === undefined) return { heard: async () => {}, close: () => {} };
  const log = new Log(logPath);
  connection.take({ onData: (bytes) => log.write(bytes), onClose: () => log.close() });
  return { heard: async () => await delivered(connection), close: () => connection.reset() };
}

// --- internal ---

/**
 * What QEMU has put into the socket before it said or did something else is there with that, so it comes in the same
 * turn of the loop. The second turn is for what one read does not take.
 */
async function delivered(connection: Connection): Promise<void> {
  for (let turns = 0; turns < 2 && !connection.isClosed; turns += 1) await turn();
}

class Log {
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
      if (!this.#isRefused) process.stderr.write(`${this.#path} does not take the console: ${messageOf(error)}\n`);
      this.#isRefused = true;
      return undefined;
    }
  }
}

/** At its end, wherever that is after it was cut; a FIFO in its place does not keep the supervisor waiting. */
const appending = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK;
