/** Turns a proven connection into a stream that carries one client of a host listener. */
import { encode, LineReader } from "../../protocol/frame.ts";
import { type Open, type Opened, openedBytesMax, parseOpened } from "../../protocol/stream-request.ts";
import { pieces } from "../../protocol/piece.ts";
import { carry } from "../../system/net/carry.ts";
import type { Connection } from "../../system/net/connection.ts";
import { tracers } from "../../system/trace.ts";
import type { Proven } from "./dial.ts";

/** What a listener learns of a stream: bytes as they pass, those of the client too, a refusal, and its end. */
export type StreamObserver = {
  readonly onBytes?: (fromClient: number, fromGuest: number) => void;
  readonly onOuterData?: (bytes: Uint8Array) => void;
  readonly onRefused?: (reason: string) => void;
  readonly onDone?: () => void;
  /** `client` is one of the host's servers, to which the stream brings a client in the guest (system/net/carry.ts). */
  readonly isServer?: boolean;
};

/**
 * Joins `client` to what `open` asks for. The client's bytes follow the request at once, without waiting for the
 * answer, which saves a round trip on each connection; a refusal resets the client, as a closed port would. A
 * connection that its pool takes back goes there at the end, if the agent is one that can serve another stream on it.
 * `early` is what the client has said before.
 */
export function carryClient(
  client: Connection,
  proven: Proven,
  open: Exclude<Open, { open: "control" }>,
  observer: StreamObserver = {},
  early: Uint8Array = new Uint8Array(),
): void {
  const { connection, lines, giveBack } = proven;
  const reader = new LineReader(openedBytesMax);
  reader.push(lines.release());
  const request = encode(giveBack === undefined ? open : { ...open, reuse: true });
  tracers.wire?.("->", request);
  connection.write(request);
  let isReused = false;
  const keeper = () => (isReused ? giveBack : undefined);
  const pass = carry(client, connection, pieces, { ...observer, keeper });
  const hear = (bytes: Uint8Array): void => {
    reader.push(bytes);
    const opened = answerIn(reader);
    if (opened === undefined) return;
    connection.amend({ onData: pass });
    if (opened.ok) {
      isReused = opened.reuse === true;
      const rest = reader.rest();
      if (rest.length > 0) pass(rest);
      return;
    }
    observer.onRefused?.(opened.reason);
    client.reset();
    connection.reset();
  };
  connection.amend({ onData: hear });
  connection.resume();
  if (early.length > 0) client.hearData(early);
  client.resume();
}

// --- internal ---

/** The answer, nothing while it has not come. What is no answer counts as a refusal. */
function answerIn(reader: LineReader): Opened | undefined {
  try {
    const line = reader.next();
    if (line === undefined) return undefined;
    tracers.wire?.("<-", line);
    return parseOpened(line);
  } catch (error) {
    return { ok: false, reason: String(error) };
  }
}
