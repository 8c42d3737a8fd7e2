/** A DNS server for tests: answers over UDP and TCP on one loopback port, from a table, and keeps what it was asked. */
import { createServer, type Socket } from "node:net";
import { createSocket } from "node:dgram";

/** What a name has: IPv4 addresses, or a code of RFC 1035 such as 3 (no such name); "silent" is never answered. */
export type FakeRecord = readonly string[] | number | "silent";

/** A server, its address and port, its table for a test to change, and the questions so far: "udp a.test". */
export type FakeDns = AsyncDisposable & {
  readonly hostname: string;
  readonly port: number;
  readonly records: Record<string, FakeRecord>;
  readonly asked: readonly string[];
};

/** The longest datagram in bytes that the server sends; longer answers are cut (RFC 1035, 4.2.1). */
const datagramBytesMax = 512;

/** Starts a server on `port` of a loopback address, or on a free one. A name that is not in the table does not exist. */
export async function fakeDns(records: Record<string, FakeRecord>, port = 0, hostname = "127.0.0.1"): Promise<FakeDns> {
  const asked: string[] = [];
  const answer = (message: Buffer, way: string): Buffer | undefined => {
    const name = nameIn(message);
    asked.push(`${way} ${name}`);
    const record = records[name] ?? 3;
    return record === "silent" ? undefined : answerOf(message, record);
  };
  const streams = createServer((socket) => serveStream(socket, (message) => answer(message, "tcp")));
  await new Promise<void>((resolve) => streams.listen(port, hostname, resolve));
  const address = streams.address();
  const bound = typeof address === "object" && address !== null ? address.port : 0;
  const datagrams = createSocket(hostname.includes(":") ? "udp6" : "udp4", (message, peer) => {
    const whole = answer(message, "udp");
    if (whole !== undefined)
      datagrams.send(whole.length > datagramBytesMax ? cut(whole) : whole, peer.port, peer.address);
  });
  await new Promise<void>((resolve) => datagrams.bind(bound, hostname, resolve));
  return {
    hostname,
    port: bound,
    records,
    asked,
    async [Symbol.asyncDispose]() {
      datagrams.close();
      await new Promise((resolve) => streams.close(resolve));
    },
  };
}

/** A question about `name` as a resolver writes it; 1 is IPv4, 28 is IPv6 (RFC 1035, RFC 3596). */
export function questionAbout(name: string, type = 1, id = 0x1234): Buffer {
  const labels = name.split(".").flatMap((label) => [label.length, ...Buffer.from(label)]);
  return Buffer.from([id >> 8, id & 0xff, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...labels, 0, 0, type, 0, 1]);
}

/** What an answer says: its number, whether it is cut, its code, and its IPv4 addresses. */
export function readAnswer(answer: Uint8Array): { id: number; isCut: boolean; code: number; addresses: string[] } {
  const bytes = Buffer.from(answer);
  const count = bytes.readUInt16BE(6);
  const begin = questionEnd(bytes);
  const addresses = Array.from({ length: count }, (_, index) => {
    const end = begin + (index + 1) * 16;
    return [...bytes.subarray(end - 4, end)].join(".");
  });
  return {
    id: bytes.readUInt16BE(0),
    isCut: (bytes.readUInt8(2) & 2) !== 0,
    code: bytes.readUInt8(3) & 15,
    addresses: bytes.readUInt16BE(questionEnd(bytes) - 4) === 1 ? addresses : [],
  };
}

// --- internal ---

function serveStream(socket: Socket, answer: (message: Buffer) => Buffer | undefined): void {
  let received = Buffer.alloc(0);
  socket.on("data", (bytes) => {
    received = Buffer.concat([received, bytes]);
    while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
      const end = 2 + received.readUInt16BE(0);
      const whole = answer(received.subarray(2, end));
      received = received.subarray(end);
      if (whole !== undefined)
        socket.write(Buffer.concat([Buffer.from([whole.length >> 8, whole.length & 0xff]), whole]));
    }
  });
  socket.on("error", () => {});
  socket.on("end", () => socket.end());
}

function questionEnd(message: Buffer): number {
  let offset = 12;
  while ((message[offset] ?? 0) > 0) offset += 1 + (message[offset] ?? 0);
  return offset + 5;
}

function nameIn(message: Buffer): string {
  const labels: string[] = [];
  for (let offset = 12; (message[offset] ?? 0) > 0; offset += 1 + (message[offset] ?? 0)) {
    labels.push(message.toString("latin1", offset + 1, offset + 1 + (message[offset] ?? 0)));
  }
  return labels.join(".").toLowerCase();
}

function answerOf(message: Buffer, record: readonly string[] | number): Buffer {
  const end = questionEnd(message);
  const isIpv4 = message.readUInt16BE(end - 4) === 1;
  const addresses = typeof record === "number" || !isIpv4 ? [] : record;
  const head = Buffer.from(message.subarray(0, end));
  head.fill(0, 4, 12);
  head[2] = 0x81;
  head[3] = 0x80 | (typeof record === "number" ? record : 0);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(addresses.length, 6);
  const rows = addresses.map((address) => [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, ...address.split(".").map(Number)]);
  return Buffer.concat([head, Buffer.from(rows.flat())]);
}

function cut(answer: Buffer): Buffer {
  const head = Buffer.from(answer.subarray(0, questionEnd(answer)));
  head[2] = (head[2] ?? 0) | 2;
  head.writeUInt16BE(0, 6);
  return head;
}
