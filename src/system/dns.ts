/** The door to DNS servers: asks one of them, over UDP and, when the answer is cut, over TCP. */
import { randomInt } from "node:crypto";
import { answersTo, isCut, withId, idOf } from "../base/dns.ts";
import { within } from "./clock.ts";
import { connect } from "./net/connection.ts";
import { connectDatagrams } from "./net/datagrams.ts";

/** Where a server answers. */
export type DnsServer = { readonly hostname: string; readonly port: number };

/**
 * The server's whole answer to a question, under the question's own number. On the way it has a number and a port of
 * chance, so that nobody else can answer (RFC 5452). Throws when there is no answer within `deadlineMs`.
 */
export async function askServer(server: DnsServer, question: Uint8Array, deadlineMs: number): Promise<Uint8Array> {
  const disguised = withId(question, randomInt(65_536));
  const calledOff = new AbortController();
  try {
    const answer = await within(
      askBothWays(server, disguised, calledOff.signal),
      deadlineMs,
      () => new Error(`The DNS server ${server.hostname} does not answer.`),
    );
    return withId(answer, idOf(question));
  } finally {
    calledOff.abort();
  }
}

// --- internal ---

async function askBothWays(server: DnsServer, question: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
  const answer = await askByDatagram(server, question, signal);
  if (!isCut(answer) || signal.aborted) return answer;
  // What has come is better than nothing where TCP is shut.
  return await askByStream(server, question, signal).catch(() => answer);
}

async function askByDatagram(server: DnsServer, question: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  const peer = await connectDatagrams(
    server,
    (answer) => {
      if (answersTo(question, answer)) resolve(Uint8Array.from(answer));
    },
    reject,
  );
  const close = (): void => peer.close();
  if (signal.aborted) close();
  signal.addEventListener("abort", close, { once: true });
  peer.send(question);
  return await promise;
}

/** Over TCP each message has its length in front (RFC 1035, 4.2.2). */
async function askByStream(server: DnsServer, question: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
  const connection = await connect(server);
  if (signal.aborted) connection.reset();
  signal.addEventListener("abort", () => connection.reset(), { once: true });
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  let received = Buffer.alloc(0);
  const onGone = (): void => reject(new Error(`The DNS server ${server.hostname} hung up.`));
  connection.take({
    onData(bytes) {
      received = Buffer.concat([received, bytes]);
      const length = received.length < 2 ? Number.POSITIVE_INFINITY : received.readUInt16BE(0);
      if (received.length < 2 + length) return;
      const answer = Uint8Array.from(received.subarray(2, 2 + length));
      if (answersTo(question, answer)) resolve(answer);
      else reject(new Error(`The DNS server ${server.hostname} answers something else.`));
    },
    onEnd: onGone,
    onClose: onGone,
  });
  const framed = Buffer.alloc(2 + question.length);
  framed.writeUInt16BE(question.length, 0);
  framed.set(question, 2);
  connection.write(framed);
  return await promise;
}
