/** The socket between `qn` and the supervisor of a VM, both ends. */
import { rmSync } from "node:fs";
import { plain } from "../../base/plain.ts";
import { messageOf, QnError } from "../../base/errors.ts";
import { encode, LineReader } from "../../protocol/frame.ts";
import { connect, type Connection, listen, type Listener } from "../../system/net/connection.ts";
import { converse } from "../../system/net/conversation.ts";
import { isErrno } from "../../system/errno.ts";
import { linesOf } from "../../system/net/lines.ts";
import { sayAsError } from "../../system/standard-error.ts";
import { type ControlEvent, parseControlEvent, parseRequest, type Request } from "./messages.ts";

/** One command that is connected to the supervisor. */
export type Client = {
  /** False when the command has not read what it was sent before: whoever sends much waits for `onDrain` then. */
  send(event: ControlEvent): boolean;
  close(): void;
  onDrain: () => void;
};

/** The longest message from a supervisor in bytes: the status of 10,000 forwards has some 2.5 MB. */
const eventBytesMax = 16 * 1024 ** 2;

/** What a command may leave unread, in bytes: as much as it takes in one message. */
const unreadBytesMax = eventBytesMax;

/**
 * Serves the control socket; the file is replaced, so hold the VM's lock. `onRequest` is called for each request, of
 * which the next is read when what it gives back resolves, and `onGone` when the command has left.
 */
export function serveControl(
  socketPath: string,
  onRequest: (request: Request, client: Client) => void | Promise<void>,
  onGone: (client: Client) => void,
): Listener {
  rmSync(socketPath, { force: true });
  return listen({ unix: socketPath }, (connection) => {
    const reader = new LineReader();
    const client: Client = {
      send: (event) => connection.write(encode(event)),
      close: () => connection.end(),
      onDrain: () => {},
    };
    const hear = converse(connection, {
      cut: (bytes) => reader.cut(bytes),
      onMessage: (line) => onRequest(parseRequest(line), client),
      unreadBytesMax,
      onOver(reason, isOurs) {
        if (isOurs) sayAsError(`control: ${plain(messageOf(reason))}\n`);
        onGone(client);
      },
    });
    connection.amend({ onDrain: () => client.onDrain() });
    hear();
  });
}

/** A conversation with a supervisor. */
export type Control = {
  ask(request: Request): void;
  /** The next event. Throws SUPERVISOR_UNREACHABLE when the supervisor ends without another one. */
  next(): Promise<ControlEvent>;
  close(): void;
};

/** Connects to the supervisor behind `socketPath`; nothing when nobody listens there. */
export async function connectControl(socketPath: string): Promise<Control | undefined> {
  let connection: Connection;
  try {
    connection = await connect({ unix: socketPath });
  } catch (error) {
    // A supervisor that was killed leaves its socket behind: nobody listens there either. One that is killed at this
    // moment resets who waits in its queue.
    if (["ENOENT", "ECONNREFUSED", "ECONNRESET"].some((code) => isErrno(error, code))) return undefined;
    throw error;
  }
  const lines = linesOf(connection, new LineReader(eventBytesMax));
  return {
    ask: (request) => void connection.write(encode(request)),
    async next() {
      let line: string;
      try {
        line = await lines.next();
      } catch (cause) {
        throw endedWithoutWord(cause);
      }
      return parseControlEvent(line);
    },
    close: () => connection.reset(),
  };
}

/**
 * Asks, and gives every event until the supervisor ends, which is the end of the conversation. Whoever leaves the loop
 * closes it. Throws SUPERVISOR_FAILED for what is no event.
 */
export async function* eventsOf(control: Control, request: Request): AsyncGenerator<ControlEvent, void, undefined> {
  try {
    control.ask(request);
    for (;;) yield await control.next();
  } catch (error) {
    if (error instanceof QnError && error.code === "SUPERVISOR_UNREACHABLE") return;
    throw error;
  } finally {
    control.close();
  }
}

/** The error of a supervisor that has ended before it said what was waited for. */
export function endedWithoutWord(cause?: unknown): QnError {
  return new QnError("SUPERVISOR_UNREACHABLE", "The supervisor ended without a word.", { cause });
}
