/** Real UDP sockets for contract tests: a server behind the gate, and clients of a forward. */
import { type DatagramListener, listenForDatagrams, type Peer } from "../../src/system/net/datagrams.ts";
import { listen } from "../../src/system/net/connection.ts";

/** A port of the loopback that neither TCP nor UDP uses now, in either family. */
export async function freePort(): Promise<number> {
  const listener = listen({ hostname: "127.0.0.1", port: 0 }, () => {});
  try {
    for (const hostname of ["127.0.0.1", "::1"]) {
      (await listenForDatagrams({ hostname, port: listener.port }, () => {})).close();
    }
    return listener.port;
  } catch {
    return await freePort();
  } finally {
    listener.close();
  }
}

/** A server; `callers` are the ports that it was spoken to from, each once. */
export type DatagramServer = Disposable & { readonly address: Peer; readonly callers: readonly number[] };

/** Answers each datagram with what `answer` makes of it, or not at all; an echo unless given. */
export async function datagramServer(
  answer: (payload: Buffer, caller: Peer) => Uint8Array | undefined = (payload) => payload,
  port = 0,
): Promise<DatagramServer> {
  const hostname = "127.0.0.1";
  const callers = new Set<number>();
  const socket = await listenForDatagrams({ hostname, port }, (payload, caller) => {
    callers.add(caller.port);
    const reply = answer(Buffer.from(payload), caller);
    if (reply !== undefined) socket.send(reply, caller);
  });
  return {
    address: { hostname, port: socket.port },
    get callers() {
      return [...callers];
    },
    [Symbol.dispose]: () => socket.close(),
  };
}

/** A client with a port of its own. */
export type DatagramClient = Disposable & {
  readonly port: number;
  /** Everything that came, with the port that it came from. */
  readonly heard: readonly { readonly from: number; readonly payload: Buffer }[];
  send(payload: Uint8Array | string, port: number): void;
  /** Resolves when this many datagrams have come, to the last of them. */
  reached(count: number): Promise<Buffer>;
  /** Sends, and resolves to the next datagram that comes. */
  ask(payload: Uint8Array | string, port: number): Promise<Buffer>;
};

/** A client on this loopback address. */
export async function datagramClient(hostname: "127.0.0.1" | "::1" = "127.0.0.1"): Promise<DatagramClient> {
  const heard: { from: number; payload: Buffer }[] = [];
  let goal = { count: Number.POSITIVE_INFINITY, resolve: () => {} };
  const socket: DatagramListener = await listenForDatagrams({ hostname, port: 0 }, (payload, peer) => {
    heard.push({ from: peer.port, payload: Buffer.from(payload) });
    if (heard.length >= goal.count) goal.resolve();
  });
  const client: DatagramClient = {
    port: socket.port,
    heard,
    send: (payload, port) => socket.send(Buffer.from(payload), { hostname, port }),
    async reached(count) {
      if (heard.length < count) {
        const { promise, resolve } = Promise.withResolvers<void>();
        goal = { count, resolve };
        await promise;
      }
      return heard[count - 1]?.payload ?? Buffer.alloc(0);
    },
    async ask(payload, port) {
      const count = heard.length + 1;
      client.send(payload, port);
      return await client.reached(count);
    },
    [Symbol.dispose]: () => socket.close(),
  };
  return client;
}
