/** The guest's DNS server, over UDP and TCP: answers what the guest itself knows, and forwards all else to the host. */
import { messageOf } from "../../base/errors.ts";
import { cutTo, datagramBytesMax, failure, questionOf, responseCode } from "../../base/dns.ts";
import { DatagramReader, encodeDatagram } from "../../protocol/datagram.ts";
import { after, type Timer } from "../../system/clock.ts";
import { type Connection, listen } from "../../system/net/connection.ts";
import { converse } from "../../system/net/conversation.ts";
import { listenForDatagrams } from "../../system/net/datagrams.ts";
import type { Ask } from "./host-names.ts";
import { localAnswer } from "./local.ts";

/**
 * Connections at once, of all and of one address, so that no container takes them all; and how long one may be without
 * a question (RFC 7766, 6.2.3 advises seconds).
 */
const connectionsMax = 128;
const connectionsOfOneMax = 8;
const usualIdleMs = 10_000;

/**
 * Questions of one connection under way at once, and what its client may leave unread, in bytes: two of the longest
 * answers.
 */
const atOnce = 16;
const unreadBytesMax = 2 * 65_537 + 1_024;

/** The listeners that were opened, and the port that both have. */
export type NameServer = { readonly port: number; close(): void };

/** How often somebody is told of clients that were hung up on. */
const tellAgainMs = 60_000;

/**
 * Listens at `address`; port 0 is a free one. `ask` knows what the guest does not. `onTrouble` hears, now and then, of
 * clients that ask and do not read. Throws when the port is taken.
 */
export async function serveNames(
  address: { readonly hostname: string; readonly port: number },
  ask: Ask,
  onTrouble: (text: string) => void,
  { idleMs = usualIdleMs }: { readonly idleMs?: number } = {},
): Promise<NameServer> {
  const answer: Answer = async (question, send) => {
    const found = await answerTo(question, ask);
    if (found !== undefined) send(found);
  };
  let connections = 0;
  const connectionsOf = new Map<string, number>();
  const count = (client: string, change: 1 | -1): void => {
    connections += change;
    const many = (connectionsOf.get(client) ?? 0) + change;
    if (many === 0) connectionsOf.delete(client);
    else connectionsOf.set(client, many);
  };
  let toldMs = Number.NEGATIVE_INFINITY;
  const onCut = (reason: string): void => {
    // Whoever is hung up on may come again at once, and must not fill the log instead.
    if (performance.now() - toldMs < tellAgainMs) return;
    toldMs = performance.now();
    onTrouble(`names: a client over TCP is hung up on: ${reason}`);
  };
  const streams = listen(address, (connection) => {
    const client = connection.remoteAddress;
    const isOneTooMany = (connectionsOf.get(client) ?? 0) >= connectionsOfOneMax;
    if (isOneTooMany || connections >= connectionsMax) return connection.reset();
    count(client, 1);
    serveClient(connection, idleMs, answer, { onDone: () => count(client, -1), onCut });
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

/** Who is told that a client is gone, and why this side has hung up on it. */
type ClientOwner = { readonly onDone: () => void; readonly onCut: (reason: string) => void };

/** Questions may follow each other on one connection, and are answered as the answers come (RFC 7766, 6.2.1). */
function serveClient(connection: Connection, idleMs: number, answer: Answer, { onDone, onCut }: ClientOwner): void {
  const reader = new DatagramReader();
  let idle: Timer = after(idleMs, () => connection.reset());
  const hear = converse(connection, {
    cut: (bytes) => reader.cut(bytes),
    onMessage(message) {
      if (questionOf(message) === undefined) return;
      // A byte now and then, or what is no question, does not keep a place.
      idle.cancel();
      idle = after(idleMs, () => connection.reset());
      // A copy: what it is a part of is large, and would be kept with it.
      return answer(Uint8Array.from(message), (found) => void connection.write(encodeDatagram(found)));
    },
    atOnce,
    unreadBytesMax,
    onOver(reason, isOurs) {
      idle.cancel();
      if (isOurs) onCut(messageOf(reason));
      onDone();
    },
  });
  hear();
}
