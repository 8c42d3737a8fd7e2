/** Turns a proven connection into a stream that carries one client of a host listener. */
import { encode, LineReader } from "../../protocol/frame.ts";
import { type Open, parseOpened } from "../../protocol/messages.ts";
import { pieces } from "../../protocol/piece.ts";
import { carry } from "../../system/carry.ts";
import type { Connection } from "../../system/connection.ts";
import type { Proven } from "./dial.ts";

/** What a listener learns of a stream: bytes as they pass, a refusal, and its end. */
export type StreamObserver = {
  readonly onBytes?: (fromClient: number, fromGuest: number) => void;
  readonly onRefused?: (reason: string) => void;
  readonly onDone?: () => void;
};

/**
 * Joins `client` to what `open` asks for. The client's bytes follow the request at once, without waiting for the answer,
 * which saves a round trip on each connection; a refusal resets the client, as a closed port would.
 */
export function carryClient(
  client: Connection,
  proven: Proven,
  open: Exclude<Open, { open: "control" }>,
  observer: StreamObserver = {},
): void {
  const { connection, lines } = proven;
  const reader = new LineReader();
  reader.push(lines.release());
  connection.write(encode(open));
  const pass = carry(client, connection, pieces, observer);
  connection.onData = (bytes) => {
    reader.push(bytes);
    const refusal = refusalIn(reader);
    if (refusal === "pending") return;
    connection.onData = pass;
    if (refusal === undefined) {
      const rest = reader.rest();
      if (rest.length > 0) pass(rest);
      return;
    }
    observer.onRefused?.(refusal);
    client.reset();
    connection.reset();
  };
  connection.resume();
  client.resume();
}

// --- internal ---

/** The reason of a refusal, nothing when the stream is open, "pending" while the answer has not come. */
function refusalIn(reader: LineReader): string | undefined {
  try {
    const line = reader.next();
    if (line === undefined) return "pending";
    const opened = parseOpened(line);
    return opened.ok ? undefined : opened.reason;
  } catch (error) {
    return String(error);
  }
}
