/** The guest's DNS: answers over UDP and TCP what the guest itself knows, and all else with the host's answer. */
import { cutTo, datagramBytesMax, failure, questionOf, responseCode } from "../../base/dns.ts";
import { DatagramReader, encodeDatagram } from "../../protocol/datagram.ts";
import { after, type Timer } from "../../system/clock.ts";
import { type Connection, listen } from "../../system/connection.ts";
import { listenForDatagrams } from "../../system/datagrams.ts";
import type { Ask } from "./host-names.ts";
import { localAnswer } from "./local.ts";

/** Connections at once, and how long one may be silent (RFC 7766, 6.2.3 advises seconds). */
const connectionsMax = 128;
const idleMs = 10_000;

/** The listeners that were opened, and the port that both have. */
export type NameServer = { readonly port: number; close(): void };

/** Listens at `address`; port 0 is a free one. `ask` knows what the guest does not. Throws when the port is taken. */
export async function serveNames(
  address: { readonly hostname: string; readonly port: number },
  ask: Ask,
): Promise<NameServer> {
  const answer: Answer = async (question, send) => {
    const found = await answerTo(question, ask);
    if (found !== undefined) send(found);
  };
  let connections = 0;
  const streams = listen(address, (connection) => {
    if (connections >= connectionsMax) return connection.reset();
    connections += 1;
    converse(connection, answer, () => (connections -= 1));
  });
  const datagrams = await listenForDatagrams({ ...address, port: streams.port }, (payload, peer) => {
    // The buffer is the runtime's, and is used again before the answer is there.
    const question = Uint8Array.from(payload);
    void answer(question, (found) => datagrams.send(cutTo(found, datagramBytesMax(question)), peer));
  });
  return {
    port: streams.port,
    close: () => {
      streams.closeAll();
      datagrams.close();
    },
  };
}

// --- internal ---

/** Answers a question, if it is one. Never throws. */
type Answer = (question: Uint8Array, send: (answer: Uint8Array) => void) => Promise<void>;

/** The answer, or that there is none; nothing to what is no question. Never throws. */
async function answerTo(message: Uint8Array, ask: Ask): Promise<Uint8Array | undefined> {
  if (questionOf(message) === undefined) return undefined;
  const local = localAnswer(message);
  if (local !== undefined) return local;
  return await ask(message).catch(() => failure(message, responseCode.serverFailure));
}

/** Questions may follow each other on one connection, and are answered as the answers come (RFC 7766, 6.2.1). */
function converse(connection: Connection, answer: Answer, onDone: () => void): void {
  const reader = new DatagramReader();
  let idle: Timer = after(idleMs, () => connection.reset());
  connection.onData = (bytes) => {
    idle.cancel();
    idle = after(idleMs, () => connection.reset());
    for (const question of reader.push(bytes)) {
      void answer(Uint8Array.from(question), (found) => void connection.write(encodeDatagram(found)));
    }
  };
  connection.onEnd = () => connection.end();
  connection.onClose = () => {
    idle.cancel();
    onDone();
  };
}
