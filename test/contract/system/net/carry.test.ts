/** Streams carried through a connection in between, over real sockets: order, ends, backpressure and resets. */
import { describe, expect, test } from "bun:test";
import { pieces } from "../../../../src/protocol/piece.ts";
import { carry, type CarryObserver } from "../../../../src/system/net/carry.ts";
import { type Connection, connect } from "../../../../src/system/net/connection.ts";
import {
  answerAtEnd,
  listenSomewhere,
  payload,
  type TestListener,
  receive,
  send,
  sumOf,
} from "../../../support/streams.ts";

const mebibyte = 1024 ** 2;

/** Each connection to it is joined with a new one to `target` by `join`. */
async function relay(
  kind: "tcp" | "unix",
  target: TestListener,
  join: (near: Connection, far: Connection) => void,
): Promise<TestListener> {
  return await listenSomewhere(kind, (near) => {
    near.pause();
    const begin = async (): Promise<void> => {
      join(near, await connect(target.address));
      near.resume();
    };
    void begin();
  });
}

/** What is between host and guest, as slirp is: whatever ends on the guest's side, however, ends in order on the host's. */
function slirp(host: Connection, guest: Connection): void {
  host.amend({ onData: (bytes) => void (guest.write(bytes) || host.pause()) });
  guest.amend({
    onData: (bytes) => void (host.write(bytes) || guest.pause()),
    onDrain: () => host.resume(),
  });
  host.amend({
    onDrain: () => guest.resume(),
    onEnd: () => guest.end(),
  });
  guest.amend({ onEnd: () => host.end() });
  host.amend({ onClose: (error) => (error === undefined ? guest.end() : guest.reset()) });
  guest.amend({
    onClose: () => {
      host.end();
      // The other end of a socket that is closed whole hears of it when it sends more.
      host.amend({ onData: () => host.reset() });
      host.resume();
    },
  });
}

/** The way from a client through both relays and slirp to `target`. */
async function wayTo(kind: "tcp" | "unix", target: TestListener, observer: CarryObserver = {}): Promise<TestListener> {
  const guest = await relay("tcp", target, (inner, outer) => void carry(outer, inner, pieces));
  const between = await relay("tcp", guest, slirp);
  const host = await relay(kind, between, (outer, inner) => void carry(outer, inner, pieces, observer));
  return {
    ...host,
    async [Symbol.asyncDispose]() {
      for (const place of [host, between, guest]) await place[Symbol.asyncDispose]();
    },
  };
}

for (const kind of ["tcp", "unix"] as const) {
  describe(`over ${kind}`, () => {
    test(`a stream carries 5 MB up, the end, 3 MB down and the other end (${kind})`, async () => {
      const [up, down] = [payload(5 * mebibyte), payload(3 * mebibyte)];
      let counted = [0, 0];
      const heard = Promise.withResolvers<string>();
      await using target = await listenSomewhere(kind, (server) => {
        void answerAtEnd(server, down, heard.resolve);
      });
      const done = Promise.withResolvers<void>();
      await using way = await wayTo(kind, target, {
        onBytes: (up, down) => (counted = [(counted[0] ?? 0) + up, (counted[1] ?? 0) + down]),
        onDone: done.resolve,
      });
      const client = await connect(way.address);
      const received = receive(client);
      await send(client, up);
      client.end();
      expect(await heard.promise).toBe(sumOf(up));
      await received.ended;
      expect(sumOf(received.whole)).toBe(sumOf(down));
      expect(await received.closed).toBeUndefined();
      await done.promise;
      expect(counted).toEqual([up.length, down.length]);
    });

    test(`a server may end first and go on listening (${kind})`, async () => {
      const heard = Promise.withResolvers<string>();
      await using target = await listenSomewhere(kind, (server) => {
        const received = receive(server);
        server.write("that is all");
        server.end();
        void received.ended.then(() => heard.resolve(received.whole.toString()));
      });
      await using way = await wayTo(kind, target);
      const client = await connect(way.address);
      const received = receive(client);
      await received.ended;
      client.write("but I ");
      client.write("go on");
      client.end();
      expect([received.whole.toString(), await heard.promise]).toEqual(["that is all", "but I go on"]);
      expect(await received.closed).toBeUndefined();
    });

    test(`a reader that stops reading holds back only its own sender (${kind})`, async () => {
      const stream = payload(64 * mebibyte);
      let carried = 0;
      await using target = await listenSomewhere(kind, (server) => {
        receive(server);
        void send(server, stream).then(() => server.end());
      });
      await using way = await wayTo(kind, target, { onBytes: (_up, down) => (carried += down) });
      const slow = await connect(way.address);
      const held = receive(slow);
      await held.reached(1);
      slow.pause();
      const before = carried;
      const quick = await connect(way.address);
      const other = receive(quick);
      await other.ended;
      expect(sumOf(other.whole)).toBe(sumOf(stream));
      // Kernel buffers hold a few megabytes for each of four sockets; without backpressure it would be all 64.
      expect(carried - before - stream.length).toBeLessThan(24 * mebibyte);
      slow.resume();
      await held.ended;
      expect(sumOf(held.whole)).toBe(sumOf(stream));
      for (const connection of [slow, quick]) connection.end();
    });
  });
}

/** A server whose streams the test holds in its hand, and the way to it. */
async function served(): Promise<AsyncDisposable & { meet(): Promise<readonly [Connection, Connection]> }> {
  let waiting = Promise.withResolvers<Connection>();
  const target = await listenSomewhere("tcp", (server) => waiting.resolve(server));
  const way = await wayTo("tcp", target);
  return {
    async meet() {
      waiting = Promise.withResolvers<Connection>();
      return [await connect(way.address), await waiting.promise];
    },
    async [Symbol.asyncDispose]() {
      await way[Symbol.asyncDispose]();
      await target[Symbol.asyncDispose]();
    },
  };
}

test("a reset passes both ways, also through what makes a clean end of it", async () => {
  await using it = await served();
  for (const who of ["client", "server"] as const) {
    const [client, server] = await it.meet();
    const [leaving, staying] = who === "client" ? [client, server] : [server, client];
    const received = receive(staying);
    leaving.write("farewell");
    await received.reached(8);
    leaving.reset();
    expect([who, await received.closed]).toEqual([who, "ECONNRESET"]);
  }
});

test("what a server says before it breaks off arrives before the reset", async () => {
  await using it = await served();
  const [client, server] = await it.meet();
  const received = receive(client);
  const farewell = payload(mebibyte);
  receive(server);
  await send(server, farewell);
  client.write("a word that the server does not read");
  await received.reached(farewell.length);
  server.reset();
  expect([await received.closed, sumOf(received.whole)]).toEqual(["ECONNRESET", sumOf(farewell)]);
});

test("a reset also arrives where one side has ended already", async () => {
  await using it = await served();
  const [client, server] = await it.meet();
  const [near, far] = [receive(client), receive(server)];
  client.end();
  await far.ended;
  server.write("half");
  await near.reached(4);
  server.reset();
  expect(await near.closed).toBe("ECONNRESET");
});

test("a server that breaks off frees a client that is stuck in sending to it", async () => {
  await using it = await served();
  const [client, server] = await it.meet();
  server.pause();
  const sent = Promise.withResolvers<string>();
  client.amend({ onClose: (error) => sent.resolve(error === undefined ? "closed" : "reset") });
  // More than all the kernels in between take.
  client.write(payload(64 * mebibyte));
  server.reset();
  expect(await sent.promise).toBe("reset");
});

test("whatever ends without its mark is reset, whoever let it end", async () => {
  const bytes = pieces.encode(Buffer.from("half of an answer"));
  for (const leave of ["end", "reset"] as const) {
    await using place = await listenSomewhere("tcp", (server) => {
      receive(server);
      for (const part of bytes) server.write(part);
      server.amend({ onData: () => server[leave]() });
    });
    await using way = await relay("tcp", place, (outer, inner) => void carry(outer, inner, pieces));
    const client = await connect(way.address);
    const received = receive(client);
    await received.reached(17);
    client.write("more");
    expect([leave, await received.closed]).toEqual([leave, "ECONNRESET"]);
  }
});

test("bytes that are no pieces, or come behind the end, break the stream and nothing else", async () => {
  for (const garbage of [Buffer.from("HTTP/1.1 200 OK\r\n"), Buffer.concat([pieces.end, Buffer.from("more")])]) {
    await using place = await listenSomewhere("tcp", (server) => void server.write(garbage));
    await using way = await relay("tcp", place, (outer, inner) => void carry(outer, inner, pieces));
    const received = receive(await connect(way.address));
    expect([await received.closed, received.bytes]).toEqual(["ECONNRESET", 0]);
  }
});

test("a client that has gone before its stream begins is let go of", async () => {
  let done = 0;
  const finished = Promise.withResolvers<void>();
  const joinLate = async (client: Connection, onward: Connection): Promise<void> => {
    await receive(client).closed;
    carry(client, onward, pieces, {
      onDone: () => {
        done += 1;
        finished.resolve();
      },
    });
    onward.reset();
  };
  await using target = await listenSomewhere("tcp", (server) => {
    receive(server);
  });
  await using way = await listenSomewhere("tcp", (client) => {
    void connect(target.address).then((onward) => joinLate(client, onward));
  });
  (await connect(way.address)).reset();
  await finished.promise;
  expect(done).toBe(1);
});
