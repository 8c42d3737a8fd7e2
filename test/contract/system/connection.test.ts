/** Byte streams over real sockets: order, half-close, backpressure and reset, one connection alone and two joined. */
import { describe, expect, test } from "bun:test";
import { tmpdir } from "node:os";
import { join as joinPath } from "node:path";
import { type Connection, connect, listen, splice } from "../../../src/system/connection.ts";
import { type Place, listenSomewhere, payload, receive, send, sumOf } from "../../support/streams.ts";

const mebibyte = 1024 ** 2;

/** A listener, a connection to it, and the listener's end of that connection. */
async function pair(kind: "tcp" | "unix"): Promise<AsyncDisposable & { near: Connection; far: Connection }> {
  const accepted = Promise.withResolvers<Connection>();
  const place = await listenSomewhere(kind, accepted.resolve);
  const near = await connect(place.address);
  return { near, far: await accepted.promise, [Symbol.asyncDispose]: () => place[Symbol.asyncDispose]() };
}

/** A relay as the gate is one: each connection to it is joined to a new one to `target`. */
async function relayTo(
  kind: "tcp" | "unix",
  target: Place,
  onBytes: (fromClient: number, fromTarget: number) => void = () => {},
): Promise<Place> {
  return await listenSomewhere(kind, (client) => {
    client.pause();
    const join = async (): Promise<void> => {
      splice(client, await connect(target.address), { onBytes });
      client.resume();
    };
    void join();
  });
}

for (const kind of ["tcp", "unix"] as const) {
  describe(`over ${kind}`, () => {
    test(`each direction ends by itself: 5 MB up, end, 3 MB down, end (${kind})`, async () => {
      await using both = await pair(kind);
      const [near, far] = [receive(both.near), receive(both.far)];
      const [up, down] = [payload(5 * mebibyte), payload(3 * mebibyte)];
      await send(both.near, up);
      both.near.end();
      await far.ended;
      await send(both.far, down);
      both.far.end();
      await near.ended;
      expect([sumOf(far.whole), sumOf(near.whole)]).toEqual([sumOf(up), sumOf(down)]);
      expect(await Promise.all([near.closed, far.closed])).toEqual([undefined, undefined]);
    });

    test(`the side that listens may end first (${kind})`, async () => {
      await using both = await pair(kind);
      const [near, far] = [receive(both.near), receive(both.far)];
      both.far.write("down");
      both.far.end();
      await near.ended;
      both.near.write("up");
      both.near.end();
      await far.ended;
      expect([near.whole.toString(), far.whole.toString()]).toEqual(["down", "up"]);
    });

    test(`what is written before the end arrives before the end (${kind})`, async () => {
      await using both = await pair(kind);
      const far = receive(both.far);
      const up = payload(20 * mebibyte);
      // Far more than the kernel takes at once, and the end right behind it.
      both.near.write(up);
      both.near.end();
      both.near.write("too late");
      await far.ended;
      expect(sumOf(far.whole)).toBe(sumOf(up));
    });

    test(`a joined pair carries 5 MB up, the end, 3 MB down and the other end (${kind})`, async () => {
      const [up, down] = [payload(5 * mebibyte), payload(3 * mebibyte)];
      let counted = [0, 0];
      const heard = Promise.withResolvers<string>();
      await using target = await listenSomewhere(kind, (server) => {
        const received = receive(server);
        const answer = async (): Promise<void> => {
          await received.ended;
          heard.resolve(sumOf(received.whole));
          await send(server, down);
          server.end();
        };
        void answer();
      });
      await using relay = await relayTo(kind, target, (left, right) => {
        counted = [(counted[0] ?? 0) + left, (counted[1] ?? 0) + right];
      });
      const client = await connect(relay.address);
      const received = receive(client);
      await send(client, up);
      client.end();
      expect(await heard.promise).toBe(sumOf(up));
      await received.ended;
      expect(sumOf(received.whole)).toBe(sumOf(down));
      expect(await received.closed).toBeUndefined();
      expect(counted).toEqual([up.length, down.length]);
    });

    test(`a reader that stops reading holds back only its own sender (${kind})`, async () => {
      const stream = payload(64 * mebibyte);
      let carried = 0;
      await using target = await listenSomewhere(kind, (server) => {
        receive(server);
        void send(server, stream).then(() => server.end());
      });
      await using relay = await relayTo(kind, target, (_left, right) => (carried += right));
      const slow = await connect(relay.address);
      const held = receive(slow);
      await held.reached(1);
      slow.pause();
      const before = carried;
      const quick = await connect(relay.address);
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

    test(`a listener that closes leaves its connections alone, one that closes all drops them (${kind})`, async () => {
      const accepted: Connection[] = [];
      await using place = await listenSomewhere(kind, (connection) => accepted.push(connection));
      const client = await connect(place.address);
      const received = receive(client);
      client.write("hello");
      await (async () => {
        for (const connection of accepted) await receive(connection).reached(5);
      })();
      place.listener.close();
      accepted[0]?.write("still here");
      await received.reached(10);
      const late = await connect(place.address).catch((error: unknown) => error);
      expect(late).toBeInstanceOf(Error);
      place.listener.closeAll();
      await Promise.race([received.closed, received.ended]);
      expect(received.whole.toString()).toBe("still here");
    });
  });
}

test("a reset reaches the other side as a reset", async () => {
  await using both = await pair("tcp");
  const far = receive(both.far);
  both.near.write("x");
  await far.reached(1);
  both.near.reset();
  expect(await far.closed).toBe("ECONNRESET");
});

test("a reset passes through a joined pair in both directions", async () => {
  const served: Connection[] = [];
  await using target = await listenSomewhere("tcp", (server) => {
    served.push(server);
    server.write("welcome");
  });
  await using relay = await relayTo("tcp", target);

  const leaving = await connect(relay.address);
  await receive(leaving).reached(7);
  const behind = served[0];
  if (behind === undefined) throw new Error("nobody was served");
  const closed = receive(behind).closed;
  leaving.reset();
  expect(await closed).toBe("ECONNRESET");

  const staying = await connect(relay.address);
  const received = receive(staying);
  await received.reached(7);
  served[1]?.reset();
  expect(await received.closed).toBe("ECONNRESET");
});

test("bytes that come while a connection is paused wait for whoever takes it over", async () => {
  const accepted = Promise.withResolvers<Connection>();
  await using place = await listenSomewhere("tcp", (connection) => {
    connection.pause();
    accepted.resolve(connection);
  });
  const client = await connect(place.address);
  const up = payload(3 * mebibyte);
  const sent = send(client, up).then(() => client.end());
  const far = await accepted.promise;
  // A round trip through another connection: by then the first bytes have long arrived.
  await using other = await pair("tcp");
  other.near.write("x");
  await receive(other.far).reached(1);
  const received = receive(far);
  far.resume();
  await sent;
  await received.ended;
  expect(sumOf(received.whole)).toBe(sumOf(up));
});

test("a client that has gone before its stream begins is let go of", async () => {
  let done = 0;
  const finished = Promise.withResolvers<void>();
  const joinLate = async (client: Connection, onward: Connection): Promise<void> => {
    await receive(client).closed;
    splice(client, onward, {
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
  await using relay = await listenSomewhere("tcp", (client) => {
    void connect(target.address).then((onward) => joinLate(client, onward));
  });
  (await connect(relay.address)).reset();
  await finished.promise;
  expect(done).toBe(1);
});

test("a place where nobody listens fails with the system's word for it", async () => {
  const listener = listen({ hostname: "127.0.0.1", port: 0 }, () => {});
  listener.close();
  const codes = [];
  for (const address of [
    { hostname: "127.0.0.1", port: listener.port },
    { unix: joinPath(tmpdir(), "qn-nobody-is-here.sock") },
  ]) {
    codes.push(await connect(address).catch((error: unknown) => (error as { code?: string }).code));
  }
  expect(codes).toEqual(["ECONNREFUSED", "ENOENT"]);
});

test("a port that is taken cannot be listened on twice", async () => {
  await using place = await listenSomewhere("tcp", () => {});
  let code: unknown;
  try {
    listen({ hostname: "127.0.0.1", port: place.listener.port }, () => {}).close();
  } catch (error) {
    code = (error as { code?: string }).code;
  }
  expect(code).toBe("EADDRINUSE");
});
