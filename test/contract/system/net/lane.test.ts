/** Lanes over real sockets: ends, resets, backpressure, and that no byte of a connection reaches the next one. */
import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type Connection, listen } from "../../../../src/system/net/connection.ts";
import { Lane } from "../../../../src/system/net/lane.ts";
import { testWithChance } from "../../../support/chance.ts";
import { answerAtEnd, payload, receive, send, sumOf } from "../../../support/streams.ts";

const mebibyte = 1024 ** 2;

/** Both ends of a lane; `near` opens. `line` is what is below the near one. */
type Ends = AsyncDisposable & { readonly near: Lane; readonly far: Lane; readonly line: Connection };

async function ends(): Promise<Ends> {
  const folder = await mkdtemp(join(tmpdir(), "qn-lane-"));
  const unix = join(folder, "lane.sock");
  const accepted = Promise.withResolvers<Lane>();
  const listener = listen({ unix }, (line) => accepted.resolve(new Lane(line)));
  const line = await connect({ unix });
  return {
    near: new Lane(line),
    far: await accepted.promise,
    line,
    async [Symbol.asyncDispose]() {
      listener.closeAll();
      line.reset();
      await rm(folder, { recursive: true });
    },
  };
}

/** Resolves when the lane can be used again. */
async function free(lane: Lane): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  lane.onFree = resolve;
  if (lane.isFree) resolve();
  await promise;
}

test("a connection carries 5 MB up, its end, 3 MB down and the other end, and the lane is free", async () => {
  await using lane = await ends();
  const [up, down] = [payload(5 * mebibyte), payload(3 * mebibyte)];
  const heard = Promise.withResolvers<string>();
  lane.far.onConnection = (server) => {
    void answerAtEnd(server, down, heard.resolve);
  };
  const client = lane.near.open();
  expect(lane.near.isFree).toBe(false);
  const received = receive(client);
  await send(client, up);
  client.end();
  await received.ended;
  expect([await heard.promise, sumOf(received.whole)]).toEqual([sumOf(up), sumOf(down)]);
  await Promise.all([free(lane.near), free(lane.far)]);
  expect(client.isClosed).toBe(true);
});

test("a reset is heard as one, whoever resets and whatever is still on its way", async () => {
  await using lane = await ends();
  const servers: Connection[] = [];
  lane.far.onConnection = (server) => {
    const index = servers.push(server);
    server.amend({
      onData: () => {
        // More than the line holds: most of it is still waiting when the connection is reset.
        server.write(payload(4 * mebibyte));
        if (index === 1) server.reset();
      },
    });
  };
  for (const whoResets of ["server", "client", "client that has ended"]) {
    const client = lane.near.open();
    const gone = Promise.withResolvers<Error | undefined>();
    client.amend({
      onClose: gone.resolve,
      onData: () => whoResets !== "server" && client.reset(),
    });
    client.write("go");
    if (whoResets === "client that has ended") client.end();
    const error: NodeJS.ErrnoException | undefined = await gone.promise;
    expect([whoResets, error?.code]).toEqual([whoResets, whoResets === "server" ? "ECONNRESET" : undefined]);
    await free(lane.near);
    expect(servers.at(-1)?.isClosed).toBe(true);
  }
});

test("who pauses gets nothing until it resumes, and then everything", async () => {
  await using lane = await ends();
  const sent = payload(3 * mebibyte);
  lane.far.onConnection = (server) => void send(server, sent).then(() => server.end());
  const client = lane.near.open();
  const received = receive(client);
  let pauses = 0;
  client.amend({
    onData: (bytes) => {
      received.take(bytes);
      pauses += 1;
      client.pause();
      const before = received.whole.length;
      setImmediate(() => {
        expect(received.whole.length).toBe(before);
        client.resume();
      });
    },
  });
  await received.ended;
  expect([sumOf(received.whole), pauses > 10]).toEqual([sumOf(sent), true]);
});

test("a lane whose line goes resets its connection on both sides, and is not free any more", async () => {
  await using lane = await ends();
  const gone = [Promise.withResolvers<Error | undefined>(), Promise.withResolvers<Error | undefined>()];
  lane.far.onConnection = (server) => {
    server.amend({ onClose: (error) => gone[1]?.resolve(error) });
    lane.line.reset();
  };
  const client = lane.near.open();
  client.amend({ onClose: (error) => gone[0]?.resolve(error) });
  const errors = await Promise.all(gone.map(({ promise }) => promise));
  expect(errors.map((error) => (error as NodeJS.ErrnoException).code)).toEqual(["ECONNRESET", "ECONNRESET"]);
  expect([lane.near.isFree, lane.far.isFree]).toEqual([false, false]);
  expect(() => lane.near.open()).toThrow("not free");
});

test("what is no frame closes the lane", async () => {
  await using lane = await ends();
  const closed = Promise.withResolvers<void>();
  lane.far.onClose = closed.resolve;
  lane.line.write(Buffer.from("GET / HTTP/1.1\r\n\r\n"));
  await closed.promise;
  expect(lane.far.isFree).toBe(false);
});

testWithChance("hundreds of connections end in every way, and each hears its own bytes alone", async (chance) => {
  await using lane = await ends();
  lane.far.onConnection = (server) => {
    const [endsAfter, resetsAfter] = [chance.below(40_000), chance.below(80_000)];
    let heard = 0;
    server.amend({
      onData: (bytes) => {
        heard += bytes.length;
        server.write(bytes);
        if (heard > resetsAfter) server.reset();
        else if (heard > endsAfter) server.end();
      },
      onEnd: () => server.end(),
    });
  };
  for (let round = 0; round < 300; round += 1) {
    const mark = round % 251;
    const client = lane.near.open();
    const closed = Promise.withResolvers<void>();
    let foreign = 0;
    client.amend({
      onData: (bytes) => {
        foreign += bytes.filter((byte) => byte !== mark).length;
        if (chance.below(8) === 0) client.reset();
      },
      onEnd: () => client.end(),
      onClose: () => closed.resolve(),
    });
    for (let part = chance.below(6); part >= 0; part -= 1) client.write(Buffer.alloc(chance.below(20_000) + 1, mark));
    if (chance.below(4) === 0) setImmediate(() => client.reset());
    else client.end();
    await closed.promise;
    await free(lane.near);
    expect([round, foreign]).toEqual([round, 0]);
  }
});
