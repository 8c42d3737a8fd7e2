/** Connections through the gate that are used again: when, when not, and that no stream ever meets another one's bytes. */
import { expect, test } from "bun:test";
import { GatePool } from "../../../../src/host/gate/pool.ts";
import { encode } from "../../../../src/protocol/frame.ts";
import { pieces } from "../../../../src/protocol/piece.ts";
import { type Address, connect, type Connection } from "../../../../src/system/net/connection.ts";
import { type Caller, handGate, hostSide, realGate, type TestGate } from "../../../support/gates.ts";
import { until } from "../../../support/until.ts";
import { listenSomewhere, payload, type TestListener, receive, sumOf } from "../../../support/streams.ts";

const mebibyte = 1024 ** 2;

/** A gate with a counter in front of it. */
type Counted = AsyncDisposable & {
  readonly key: TestGate["key"];
  /** How many connections have ever been opened to it. */
  readonly opened: number;
  /** How many of them are open. */
  readonly open: number;
};

async function counted(gate: TestGate): Promise<Counted> {
  let opened = 0;
  let open = 0;
  const door = await listenSomewhere("tcp", (near) => {
    opened += 1;
    open += 1;
    near.pause();
    const join = async (): Promise<void> => {
      const far = await connect({ hostname: "127.0.0.1", port: gate.key.port });
      const pass = (from: Connection, to: Connection, onClose: () => void): void => {
        from.amend({
          onData: (bytes) => void to.write(bytes),
          onEnd: () => to.end(),
          onClose: (error) => {
            onClose();
            if (error === undefined) to.end();
            else to.reset();
          },
        });
      };
      pass(near, far, () => (open -= 1));
      pass(far, near, () => {});
      near.resume();
    };
    void join();
  });
  return {
    key: { port: door.listener.port, secret: gate.key.secret },
    get opened() {
      return opened;
    },
    get open() {
      return open;
    },
    [Symbol.asyncDispose]: () => door[Symbol.asyncDispose](),
  };
}

/** A server that answers with what it has heard once its client has ended. */
async function echo(): Promise<TestListener> {
  return await listenSomewhere("tcp", (connection) => {
    const received = receive(connection);
    const answer = async (): Promise<void> => {
      await received.ended;
      connection.write(received.whole);
      connection.end();
    };
    void answer();
  });
}

async function asked(address: Address, question: Uint8Array): Promise<Buffer> {
  const client = await connect(address);
  const received = receive(client);
  client.write(question);
  client.end();
  await received.closed;
  return received.whole;
}

test("100 streams one after the other need no more connections than the pool keeps", async () => {
  await using server = await echo();
  using gate = realGate({ addressOf: () => server.address });
  await using counter = await counted(gate);
  await using host = await hostSide(counter.key);
  for (let index = 0; index < 100; index += 1) {
    expect((await asked(host.address, Buffer.from(`stream ${index}`))).toString()).toBe(`stream ${index}`);
  }
  // Eight at rest, and one more where the next client is quicker than the end of the stream before.
  expect(counter.opened).toBeLessThan(30);
});

test("bursts leave as many connections as the pool keeps, and no more of the tenth than of the first", async () => {
  await using server = await echo();
  using gate = realGate({ addressOf: () => server.address });
  await using counter = await counted(gate);
  await using host = await hostSide(counter.key);
  for (let burst = 0; burst < 10; burst += 1) {
    await Promise.all(Array.from({ length: 200 }, () => asked(host.address, Buffer.from("x"))));
    await until("the end of what is not kept", 10_000, async () => (counter.open <= 64 ? true : undefined));
  }
  expect(counter.open).toBeGreaterThan(32);
});

test("400 streams of every kind, 40 at a time, get their own bytes and nobody else's", async () => {
  await using server = await listenSomewhere("tcp", (connection) => {
    const received = receive(connection);
    const answer = async (): Promise<void> => {
      await received.ended;
      const said = received.whole.toString();
      connection.write(said.repeat(10));
      if (said.startsWith("break")) connection.reset();
      else connection.end();
    };
    void answer();
  });
  using gate = realGate({ addressOf: () => server.address });
  await using counter = await counted(gate);
  await using host = await hostSide(counter.key);
  let next = 0;
  const wrong: string[] = [];
  const client = async (): Promise<void> => {
    for (let index = next++; index < 400; index = next++) {
      const word = index % 10 === 7 ? "break" : "whole";
      const question = `${word} ${index} `.repeat(1 + (index % 5) * 500);
      const connection = await connect(host.address);
      const received = receive(connection);
      connection.write(question);
      if (index % 10 === 3) connection.reset();
      else connection.end();
      const end = await received.closed;
      const whole = question.repeat(10);
      const text = received.whole.toString();
      const isOwn = word === "whole" && index % 10 !== 3 ? text === whole && end === undefined : whole.startsWith(text);
      if (!isOwn) wrong.push(`${index}: ${text.length} of ${whole.length} bytes, ${end}`);
    }
  };
  await Promise.all(Array.from({ length: 40 }, client));
  expect(wrong).toEqual([]);
  // Every stream that broke off took its connection with it, and most of the others did not.
  expect(counter.opened).toBeLessThan(200);
});

test("a client that is slow with its last bytes gets them all, while others use the connection that brought them", async () => {
  const [large, small] = [payload(3 * mebibyte), payload(100)];
  let count = 0;
  await using server = await listenSomewhere("tcp", (connection) => {
    receive(connection);
    connection.write(count++ === 0 ? large : small);
    connection.end();
  });
  using gate = realGate({ addressOf: () => server.address });
  await using host = await hostSide(gate.key);
  const slow = await connect(host.address);
  slow.pause();
  slow.end();
  for (let index = 0; index < 20; index += 1) {
    expect(sumOf(await asked(host.address, Buffer.from("x")))).toBe(sumOf(small));
  }
  const received = receive(slow);
  slow.resume();
  await received.closed;
  expect(sumOf(received.whole)).toBe(sumOf(large));
});

/**
 * One stream through a gate in the hand, until the request of the next one or the end of the connection. Whoever calls it
 * lets go of both sides by `close`, after all that he wants to see: letting go resets connections by itself.
 */
async function oneStream(answer: string, behind: (caller: Caller) => void) {
  const gate = handGate();
  const host = await hostSide(gate.key);
  await gate.proven(8);
  const client = await connect(host.address);
  const received = receive(client);
  client.end();
  // The pool lends what came to it last; whoever is asked is the one.
  const asks = gate.callers.map(async (caller) => ({ caller, line: await caller.lines.next() }));
  for (const ask of asks) ask.catch(() => {});
  const { caller, line } = await Promise.any(asks);
  const early = caller.lines.release();
  const guest = receive(caller.connection);
  caller.connection.write(`${answer}\n`);
  for (const part of pieces.encode(Buffer.from("own"))) caller.connection.write(part);
  caller.connection.resume();
  await guest.reached(pieces.end.length - early.length);
  caller.connection.write(pieces.end);
  behind(caller);
  await received.closed;
  const close = async (): Promise<void> => {
    await host[Symbol.asyncDispose]();
    gate[Symbol.dispose]();
  };
  return { close, line, guest, own: received.whole.toString() };
}

test("an agent of an older image, which knows of no second stream, has the connection ended after its stream", async () => {
  const { close, line, guest, own } = await oneStream('{"ok":true}', () => {});
  await guest.ended;
  expect([line, own]).toEqual(['{"open":"docker","reuse":true}', "own"]);
  await close();
});

test("an agent that says behind a stream what is not its word, or more than that, reaches no stream and is hung up on", async () => {
  const ready = encode({ ready: true });
  const manners: readonly ((caller: Caller) => void)[] = [
    ({ connection }) => void connection.write(encode({ ok: true })),
    ({ connection }) => void connection.write(`${ready}${encode({ ok: true })}`),
    ({ connection }) => void connection.write(`${ready}${ready}`),
    ({ connection }) => void connection.write("x".repeat(65)),
    ({ connection }) => void setTimeout(() => connection.write(encode({ ok: true })), 20),
    ({ connection }) => {
      connection.write(ready);
      setTimeout(() => connection.write(encode({ ok: true })), 20);
    },
  ];
  for (const behind of manners) {
    const { close, guest, own } = await oneStream('{"ok":true,"reuse":true}', behind);
    expect([own, await guest.closed]).toEqual(["own", "ECONNRESET"]);
    await close();
  }
});

test("a host of an older version, which does not ask for it, has its connection ended after the stream", async () => {
  await using server = await echo();
  using gate = realGate({ addressOf: () => server.address });
  const pool = new GatePool(gate.key);
  const { connection, lines } = await pool.take();
  connection.write(encode({ open: "docker" }));
  expect(await lines.next()).toBe('{"ok":true}');
  lines.release();
  const received = receive(connection);
  connection.write(pieces.end);
  connection.resume();
  await received.ended;
  expect(received.whole).toEqual(Buffer.from(pieces.end));
  pool.close();
});

/**
 * A connection of the pool's with a stream of Docker's that the agent has agreed to; `early` is what came of it together
 * with the answer, `received` what comes from then on.
 */
async function openedAgain(pool: GatePool) {
  const { connection, lines } = await pool.take();
  const request = encode({ open: "docker", reuse: true });
  connection.write(request);
  expect(await lines.next()).toBe('{"ok":true,"reuse":true}');
  const early = lines.release();
  const received = receive(connection);
  connection.resume();
  return { connection, request, early, received };
}

test("the agent says when the next request may come, and refuses what is none", async () => {
  await using server = await echo();
  using gate = realGate({ addressOf: () => server.address });
  const pool = new GatePool(gate.key);
  const { connection, received, request } = await openedAgain(pool);
  // The server ends only after its client, and only then is the stream over.
  connection.write(pieces.end);
  const over = `${Buffer.from(pieces.end).toString()}{"ready":true}\n`;
  await received.reached(over.length);
  connection.write(request);
  const second = `${over}{"ok":true,"reuse":true}\n`;
  await received.reached(second.length);
  connection.write(pieces.end);
  await received.reached(second.length + over.length);
  connection.write("GET / HTTP/1.1\r\n");
  expect([await received.closed, received.whole.toString()]).toEqual(["ECONNRESET", `${second}${over}`]);
  pool.close();
});

test("a request that comes before the agent has ended its stream breaks the stream off", async () => {
  await using server = await listenSomewhere("tcp", (connection) => void receive(connection));
  using gate = realGate({ addressOf: () => server.address });
  const pool = new GatePool(gate.key);
  const { connection, received } = await openedAgain(pool);
  connection.write(Buffer.concat([pieces.end, Buffer.from(encode({ open: "docker" }))]));
  expect([await received.closed, received.bytes]).not.toEqual([undefined, 0]);
  expect(received.bytes).toBe(0);
  pool.close();
});

test("a request right behind the stream before it is answered by nobody, also when its own server has ended first", async () => {
  await using server = await listenSomewhere("tcp", (connection) => {
    receive(connection);
    connection.end();
  });
  using gate = realGate({ addressOf: () => server.address });
  const pool = new GatePool(gate.key);
  const { connection, received, request, early } = await openedAgain(pool);
  await received.reached(pieces.end.length - early.length);
  connection.write(Buffer.concat([pieces.end, Buffer.from(request)]));
  expect([await received.closed, early.length + received.bytes]).toEqual(["ECONNRESET", pieces.end.length]);
  pool.close();
});
