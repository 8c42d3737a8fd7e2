/** Reads a connection line by line, and gives the raw bytes back when the talking is over. */
import { QnError } from "../../base/errors.ts";
import type { Connection } from "./connection.ts";

/** Anything that cuts bytes into lines: what `protocol/frame.ts` offers, so that this door needs no room above it. */
type Cutter = { push(bytes: Uint8Array): void; next(): string | undefined; rest(): Uint8Array };

/** A conversation in lines over one connection. */
export type Lines = {
  /**
   * The next line. Throws PROTOCOL when the other side ends or breaks the connection first, or the line is too long.
   */
  next(): Promise<string>;
  /**
   * Ends the conversation: what came behind the last line, with the connection paused, so that no byte is lost before
   * the new owner has set its handlers and resumes it.
   */
  release(): Uint8Array;
};

/** The other side has ended or broken the connection before its line was whole. */
export class HungUp extends QnError {
  constructor(message: string, cause?: unknown) {
    super("PROTOCOL", message, { cause });
  }
}

/** Starts reading lines from `connection`, whose handlers belong to the conversation until `release`. */
export function linesOf(connection: Connection, cutter: Cutter): Lines {
  let wake: (() => void) | undefined;
  let failure: HungUp | undefined;
  const fail = (message: string, cause?: unknown): void => {
    failure ??= new HungUp(message, cause);
    wake?.();
  };
  connection.take({
    onData(bytes) {
      cutter.push(bytes);
      wake?.();
    },
    onEnd: () => fail("The other side ended the connection."),
    onClose: (error) => fail("The connection is gone.", error),
  });
  // It may have gone before anybody listened.
  if (connection.isClosed) fail("The connection is gone.");
  return {
    async next() {
      for (;;) {
        const line = cutter.next();
        if (line !== undefined) return line;
        if (failure !== undefined) throw failure;
        const { promise, resolve } = Promise.withResolvers<void>();
        wake = resolve;
        await promise;
      }
    },
    release() {
      connection.pause();
      return cutter.rest();
    },
  };
}
