/** The door to a device of bytes in both directions, such as a virtio-serial port. Linux only. */
import { closeSync, constants, openSync } from "node:fs";
import type { FileSink } from "bun";
import type { Handlers } from "./connection.ts";
import type { Line } from "./lane.ts";

/** How much the sink collects before it writes by itself: more than is ever given to it at once. */
const collectedBytesMax = 1 << 20;

/**
 * An open device. It reads from `start` on: a virtio-serial port says that it has ended until the host is connected
 * (measured, Linux 6.12).
 */
export class Device implements Line {
  readonly #fd: number;
  readonly #sink: FileSink;
  #reader: { cancel(): Promise<void> } | undefined;
  #isFlushing = false;
  #isClosed = false;
  #handlers: Handlers = {};
  /** Resolves when somebody wants to read again. */
  #wanted: PromiseWithResolvers<void> | undefined;

  /** Throws the system's error when it is not there, or somebody else has it open (EBUSY). */
  constructor(path: string) {
    this.#fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
    this.#sink = Bun.file(this.#fd).writer({ highWaterMark: collectedBytesMax });
  }

  /** Says these bytes; reads once they are written, for then the other side is there. */
  async start(greeting: Uint8Array): Promise<void> {
    try {
      settle(this.#sink.write(greeting));
      await this.#sink.flush();
      await this.#read();
      this.#close(undefined);
    } catch (error) {
      this.#close(asError(error));
    }
  }

  take(handlers: Handlers): void {
    this.#handlers = handlers;
  }

  write(bytes: Uint8Array): boolean {
    if (this.#isClosed) return true;
    settle(this.#sink.write(bytes));
    if (this.#isFlushing) return false;
    try {
      const written = this.#sink.flush();
      if (typeof written === "number") return true;
      void this.#await(written);
      return false;
    } catch (error) {
      this.#close(asError(error));
      return true;
    }
  }

  pause(): void {
    this.#wanted ??= Promise.withResolvers();
  }

  resume(): void {
    this.#wanted?.resolve();
    this.#wanted = undefined;
  }

  reset(): void {
    this.#close(undefined);
  }

  /** More is written once all of it is. */
  async #await(written: Promise<number>): Promise<void> {
    this.#isFlushing = true;
    try {
      await written;
      this.#isFlushing = false;
      if (!this.#isClosed) this.#handlers.onDrain?.();
    } catch (error) {
      this.#close(asError(error));
    }
  }

  async #read(): Promise<void> {
    const reader = Bun.file(this.#fd).stream().getReader();
    this.#reader = reader;
    while (!this.#isClosed) {
      await this.#wanted?.promise;
      const { done, value } = await reader.read();
      if (done || this.#isClosed) return;
      this.#handlers.onData?.(value);
    }
  }

  #close(error: Error | undefined): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.resume();
    settle(this.#reader?.cancel());
    // Without an error it would hold the device until everything is written, and nobody may be there to read.
    settle(this.#sink.end(new Error("The device is closed.")));
    closeSync(this.#fd);
    this.#handlers.onClose?.(error);
  }
}

// --- internal ---

/** What fails is told by whoever reads or flushes. */
function settle(asked: unknown): void {
  if (asked instanceof Promise) asked.catch(() => {});
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
