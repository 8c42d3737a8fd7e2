/** The host's way through the gate: one connection, proven by both sides, that can then become one stream. */
import { randomBytes } from "node:crypto";
import { QnError } from "../../base/errors.ts";
import { encode, LineReader } from "../../protocol/frame.ts";
import { accept, respond, secretBytes } from "../../protocol/handshake.ts";
import { within } from "../../system/clock.ts";
import { connect, type Connection } from "../../system/net/connection.ts";
import { type Lines, linesOf } from "../../system/net/lines.ts";
import { tracers } from "../../system/trace.ts";

/** Where the gate of one boot is, and what proves it. `port` is on the host's loopback; `lanes` are QEMU's sockets. */
export type GateKey = {
  readonly port: number;
  readonly secret: Uint8Array;
  readonly lanes?: readonly string[];
};

/**
 * A connection through the gate that both sides have proven; it waits to become a stream. `giveBack` takes it again
 * when the stream has ended in both directions, with what came behind the end; without it the connection is for one
 * stream.
 */
export type Proven = {
  readonly connection: Connection;
  readonly lines: Lines;
  readonly giveBack?: (rest: Uint8Array) => void;
};

/**
 * How long both proofs may take. Slirp accepts at once, whatever the guest does (platform fact), so a guest that is
 * down or frozen shows only here.
 */
const handshakeDeadlineMs = 20_000;

/** Opens and proves one connection. Throws LINK_REFUSED or PROTOCOL; the connection is then closed. */
export async function dial(key: GateKey): Promise<Proven> {
  return await proveBoth(await connect({ hostname: "127.0.0.1", port: key.port }), key);
}

/** Proves a connection to the agent that is open already. Throws as `dial` does. */
export async function proveBoth(connection: Connection, key: GateKey): Promise<Proven> {
  const lines = linesOf(connection, new LineReader());
  try {
    await within(
      prove(connection, lines, key.secret),
      handshakeDeadlineMs,
      () => new QnError("LINK_REFUSED", "The guest's agent did not answer in time."),
    );
    return { connection, lines };
  } catch (error) {
    connection.reset();
    throw error;
  }
}

// --- internal ---

async function prove(connection: Connection, lines: Lines, secret: Uint8Array): Promise<void> {
  const hostNonce = randomBytes(secretBytes);
  const heard = async (): Promise<string> => {
    const line = await lines.next();
    tracers.wire?.("<-", line);
    return line;
  };
  const { agentNonce, ...response } = respond(await heard(), secret, hostNonce);
  const answer = encode(response);
  tracers.wire?.("->", answer);
  connection.write(answer);
  accept(await heard(), secret, agentNonce, response.nonce);
}
