/** Byte streams over real sockets: order, half-close and reset of one connection. */
import { describe, expect, test } from "bun:test";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join as joinPath } from "node:path";
import { type Connection, connect, listen } from "../../../../src/system/net/connection.ts";
import { listenSomewhere, payload, receive, send, sumOf } from "../../../support/streams.ts";

const mebibyte = 1024 ** 2;

/** A listener, a connection to it, and the listener's end of that connection. */
async function pair(kind: "tcp" | "unix"): Promise<AsyncDisposable & { near: Connection; far: Connection }> {
  const accepted = Promise.withResolvers<Connection>();
  const place = await listenSomewhere(kind, accepted.resolve);
  const near = await connect(place.address);
  return { near, far: await accepted.promise, [Symbol.asyncDispose]: () => place[Symbol.asyncDispose]() };
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

for (const isPaused of [false, true]) {
  test(`a write into a connection that was reset is told as a reset, ${isPaused ? "paused" : "reading"}`, async () => {
    await using both = await pair("tcp");
    const far = receive(both.far);
    const ends: string[] = [];
    both.far.amend({ onEnd: () => ends.push("end") });
    if (isPaused) both.far.pause();
    both.near.reset();
    // The kernel knows at once, this program's loop has not heard of it yet.
    both.far.write("into the void");
    expect([await far.closed, ends]).toEqual(["ECONNRESET", []]);
  });
}

test("whoever had a connection before hears nothing of it any more, also of what the next one leaves out", async () => {
  await using both = await pair("tcp");
  const told: string[] = [];
  const say = (word: string) => () => void told.push(word);
  both.near.take({ onData: say("data"), onEnd: say("end"), onClose: say("close"), onDrain: say("drain") });
  const { promise, resolve } = Promise.withResolvers<void>();
  both.near.take({ onClose: () => resolve() });
  both.near.write("to you");
  both.far.write("to nobody");
  both.far.end();
  both.near.end();
  await promise;
  expect(told).toEqual([]);
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

test("a Unix socket is its owner's alone, whatever the mask", async () => {
  const folder = await mkdtemp(joinPath(tmpdir(), "qn-"));
  const before = process.umask(0);
  try {
    const unix = joinPath(folder, "a.sock");
    const listener = listen({ unix }, () => {});
    expect([(await stat(unix)).mode & 0o777, process.umask()]).toEqual([0o600, 0]);
    listener.closeAll();
  } finally {
    process.umask(before);
    await rm(folder, { recursive: true });
  }
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

/**
 * The clocks that the kernel runs for both ends of the TCP connections with a listener, from proc(5): 2 is keepalive, and the
 * time is in hundredths of a second.
 */
async function clocksTo(port: number): Promise<{ kind: number; seconds: number }[]> {
  const place = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const rows = (await readFile("/proc/net/tcp", "utf8")).split("\n").map((line) => line.trim().split(/\s+/));
  return rows
    .filter(([, local = "", remote = "", state]) => state === "01" && `${local}${remote}`.includes(place))
    .map((row) => (row[5] ?? "").split(":").map((hex) => Number.parseInt(hex, 16)))
    .map(([kind = 0, left = 0]) => ({ kind, seconds: left / 100 }));
}

test.skipIf(process.platform !== "linux")(
  "whoever is silent is asked whether they are there, as seldom as the system does it",
  async () => {
    const accepted = Promise.withResolvers<Connection>();
    await using place = await listenSomewhere("tcp", accepted.resolve);
    const near = await connect(place.address);
    await accepted.promise;
    const usual = Number(await readFile("/proc/sys/net/ipv4/tcp_keepalive_time", "utf8"));
    const clocks = await clocksTo(place.listener.port);
    expect(clocks.map(({ kind }) => kind)).toEqual([2, 2]);
    for (const { seconds } of clocks) expect(Math.abs(seconds - usual)).toBeLessThan(60);
    near.reset();
  },
);
