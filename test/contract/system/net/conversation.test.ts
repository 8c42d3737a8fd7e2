/** Conversations over real sockets: what the rule holds back, what it ends, and whom it never stops. */
import { expect, test } from "bun:test";
import { LineReader } from "../../../../src/protocol/frame.ts";
import { type Connection, connect } from "../../../../src/system/net/connection.ts";
import { converse, type Rule } from "../../../../src/system/net/conversation.ts";
import { floodedWith } from "../../../support/flooding-agent.ts";
import { listenSomewhere, receive, send } from "../../../support/streams.ts";

const mebibyte = 1024 ** 2;

type Over = { readonly reason: string | undefined; readonly isOurs: boolean };
type Talk = AsyncDisposable & {
  readonly client: Connection;
  readonly server: Connection;
  readonly over: Promise<Over>;
};

/** Converses in lines on `connection`; resolves when it is over. */
function inLines(connection: Connection, rule: Partial<Rule<string>> & Pick<Rule<string>, "onMessage">): Promise<Over> {
  const { promise, resolve } = Promise.withResolvers<Over>();
  const reader = new LineReader();
  converse(connection, {
    cut: (bytes) => reader.cut(bytes),
    unreadBytesMax: mebibyte,
    onOver: (reason, isOurs) => resolve({ reason: reason?.message, isOurs }),
    ...rule,
  })();
  return promise;
}

/** A client, and a server that does `onMessage` with each line of it. */
async function talk(
  onMessage: (line: string, server: Connection) => void | Promise<void>,
  rule: Partial<Rule<string>> = {},
): Promise<Talk> {
  const accepted = Promise.withResolvers<{ server: Connection; over: Promise<Over> }>();
  const place = await listenSomewhere("tcp", (server) => {
    const over = inLines(server, { onMessage: (line) => onMessage(line, server), ...rule });
    accepted.resolve({ server, over });
  });
  const client = await connect(place.address);
  return { client, ...(await accepted.promise), [Symbol.asyncDispose]: () => place[Symbol.asyncDispose]() };
}

/** Two of them come at once from the kernel, at the most. */
const longLine = `${"x".repeat(300_000)}\n`;

test("no message is read while one is being handled, and all of them are handled in order", async () => {
  const lines = 200;
  const taken: string[] = [];
  const first = Promise.withResolvers<void>();
  await using it = await talk(async (line) => {
    taken.push(line.slice(0, 4).trim());
    await first.promise;
  });
  let isSent = false;
  const text = Array.from({ length: lines }, (_, index) => `${index} `.padEnd(5) + longLine).join("");
  const sent = send(it.client, Buffer.from(text)).then(() => (isSent = true));
  // Many round trips later what the kernels take has long been taken: 60 MB are far more.
  for (let trips = 0; trips < 50; trips += 1) {
    await using other = await talk((line, server) => void server.write(line));
    other.client.write("x\n");
    await receive(other.client).reached(1);
  }
  expect([taken, isSent]).toEqual([["0"], false]);
  first.resolve();
  await sent;
  it.client.end();
  expect(await it.over).toEqual({ reason: undefined, isOurs: false });
  expect(taken).toEqual(Array.from({ length: lines }, (_, index) => `${index}`));
});

test("as many messages are handled at once as there may be, and another one for each that is done", async () => {
  const begun: PromiseWithResolvers<void>[] = [];
  let counted = Promise.withResolvers<void>();
  const count = async (wanted: number): Promise<void> => {
    while (begun.length < wanted) {
      await counted.promise;
      counted = Promise.withResolvers();
    }
  };
  await using it = await talk(
    async () => {
      const work = Promise.withResolvers<void>();
      begun.push(work);
      counted.resolve();
      await work.promise;
    },
    { atOnce: 3 },
  );
  it.client.write("a\nb\nc\nd\ne\n");
  await count(3);
  expect(begun).toHaveLength(3);
  begun[1]?.resolve();
  await count(4);
  expect(begun).toHaveLength(4);
});

test("a side that asks and does not read is hung up on, with the reason, and what waited for it is let go of", async () => {
  await using it = await talk((_line, server) => void server.write("an answer\n".repeat(1_000)));
  const { closed } = receive(it.client);
  floodedWith(it.client, Buffer.from("?\n".repeat(1_000)));
  expect(await it.over).toEqual({
    reason: "The other side does not read: more than 1048576 bytes wait for it.",
    isOurs: true,
  });
  it.client.resume();
  expect(await closed).toBe("ECONNRESET");
});

test("two sides that say more than the kernel takes, and read, both hear all of it", async () => {
  const each = 20;
  const heard = [0, 0];
  const done = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const hear = (side: 0 | 1) => () => {
    heard[side] = (heard[side] ?? 0) + 1;
    if (heard[side] === each) done[side]?.resolve();
  };
  const rule = { unreadBytesMax: 64 * mebibyte };
  await using it = await talk(hear(0), rule);
  void inLines(it.client, { onMessage: hear(1), ...rule });
  for (let line = 0; line < each; line += 1) {
    it.client.write(longLine);
    it.server.write(longLine);
  }
  await Promise.all(done.map(({ promise }) => promise));
  expect(heard).toEqual([each, each]);
});

test("what is wrong with a message, or with handling it, ends the conversation with that", async () => {
  await using sudden = await talk((line) => {
    if (line === "bad") throw new Error("That was bad.");
  });
  sudden.client.write("good\nbad\ngood\n");
  expect(await sudden.over).toEqual({ reason: "That was bad.", isOurs: true });
  await using late = await talk(async (line) => {
    await Promise.resolve();
    if (line === "bad") throw new Error("That was bad.");
  });
  late.client.write("good\nbad\ngood\n");
  expect(await late.over).toEqual({ reason: "That was bad.", isOurs: true });
});

test("many messages that come at once leave everybody else their turn", async () => {
  const messages = 1_000;
  let handled = 0;
  const atTurns: number[] = [];
  const all = Promise.withResolvers<void>();
  await using it = await talk(() => {
    if (handled === 0) setImmediate(() => atTurns.push(handled));
    const busyUntilMs = performance.now() + 0.2;
    while (performance.now() < busyUntilMs);
    handled += 1;
    if (handled === messages) all.resolve();
  });
  it.client.write("\n".repeat(messages));
  await all.promise;
  expect(atTurns[0]).toBeLessThan(messages / 2);
});
