/** The pool of proven connections: how many it opens at once, how it fills up again, and when it gives the gate up. */
import { expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { dial } from "../../../../src/host/gate/dial.ts";
import { GatePool } from "../../../../src/host/gate/pool.ts";
import { encode } from "../../../../src/protocol/frame.ts";
import { type Connection, listen } from "../../../../src/system/net/connection.ts";
import { failureOf } from "../../../support/failures.ts";
import { handGate, realGate } from "../../../support/gates.ts";
import { receive } from "../../../support/streams.ts";

/** What the pool keeps at rest and after a burst, and how many it opens at once (decision D11). */
const atRest = 8;
const afterBurst = 64;
const openingMost = 4;

/** Lets everything that is ready now happen. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

test("a pool fills itself before anybody asks, a few at once", async () => {
  using gate = handGate(turn);
  const pool = new GatePool(gate.key);
  await gate.proven(atRest);
  expect(gate.openingMost).toBe(openingMost);
  pool.close();
});

test("a cold pool opens what it is asked for and one more, and fills itself once it is warm", async () => {
  using gate = handGate(turn);
  const pool = new GatePool(gate.key, { isCold: true });
  await Promise.all(Array.from({ length: 3 }, () => pool.take()));
  // One that is taken now is the spare one, and the next spare one is the last.
  await pool.take();
  await gate.proven(5);
  for (let turns = 0; turns < 20; turns += 1) await turn();
  expect(gate.callers).toHaveLength(5);
  pool.warm();
  await gate.proven(4 + atRest);
  pool.close();
});

test("500 callers at once are all served, and never more than four connections open at once", async () => {
  using gate = handGate(turn);
  const pool = new GatePool(gate.key);
  const taken = await Promise.all(Array.from({ length: 500 }, () => pool.take()));
  expect(new Set(taken.map(({ connection }) => connection)).size).toBe(500);
  expect(gate.openingMost).toBe(openingMost);
  await gate.proven(500 + afterBurst);
  expect(gate.openingMost).toBe(openingMost);
  pool.close();
});

test("callers that have to wait are served in the order in which they came", async () => {
  const doors: (() => void)[] = [];
  using gate = handGate(() => new Promise((resolve) => doors.push(resolve)));
  const pool = new GatePool(gate.key);
  const order: number[] = [];
  const waiting = Array.from({ length: 3 }, (_, index) => pool.take().then(() => order.push(index)));
  const letIn = (async () => {
    for (;;) {
      await turn();
      for (const open of doors.splice(0)) open();
      if (order.length === 3) return;
    }
  })();
  await Promise.all([...waiting, letIn]);
  expect(order).toEqual([0, 1, 2]);
  pool.close();
});

for (const [how, leave] of [
  ["are reset", (connection: Connection) => connection.reset()],
  ["are ended by an agent that dies", (connection: Connection) => connection.end()],
] as const) {
  test(`idle connections that ${how} are replaced, and never handed out`, async () => {
    using gate = handGate();
    const pool = new GatePool(gate.key);
    await gate.proven(atRest);
    // By the time that a caller is served behind them, the pool has heard of all eight.
    for (const { connection } of gate.callers.slice(0, atRest)) leave(connection);
    await gate.proven(2 * atRest);
    const { connection } = await pool.take();
    connection.write(encode({ open: "docker" }));
    const heard = gate.callers.slice(atRest).map(({ lines }) => lines.next());
    expect(await Promise.any(heard)).toBe('{"open":"docker"}');
    for (const line of heard) line.catch(() => {});
    pool.close();
  });
}

test("three failures in a row lose the gate: whoever waits is refused at once, and so is whoever comes later", async () => {
  let knocks = 0;
  const listener = listen({ hostname: "127.0.0.1", port: 0 }, (connection) => {
    knocks += 1;
    connection.write("nonsense\n");
  });
  const pool = new GatePool({ port: listener.port, secret: randomBytes(32) });
  const lost = new Promise<Error>((resolve) => (pool.onLost = resolve));
  const refused = { code: "LINK_REFUSED", message: "The guest's agent does not answer." };
  const waiting = Array.from({ length: 10 }, () => failureOf(() => pool.take()));
  expect(await Promise.all(waiting)).toEqual(waiting.map(() => refused));
  expect((await lost).message).toBe(refused.message);
  expect(await failureOf(() => pool.take())).toEqual({
    code: "LINK_REFUSED",
    message: "The link to the guest is closed.",
  });
  // Those that were opening already may still knock; nobody knocks anew.
  expect(knocks).toBeLessThanOrEqual(3 + openingMost);
  listener.closeAll();
});

test("a gate where strangers push the host out again and again is not lost, and is tried until one comes in", async () => {
  let knocks = 0;
  using gate = handGate(async () => {
    knocks += 1;
    if (knocks <= 20) throw new Error("pushed out");
  });
  const pool = new GatePool(gate.key);
  let isLost = false;
  pool.onLost = () => (isLost = true);
  await Promise.all([pool.take("docker"), pool.take("port")]);
  expect([isLost, knocks > 20]).toEqual([false, true]);
  pool.close();
});

test("a gate that has let nobody in for its time is lost, whoever hangs up", async () => {
  const listener = listen({ hostname: "127.0.0.1", port: 0 }, (connection) => connection.reset());
  const pool = new GatePool({ port: listener.port, secret: randomBytes(32) }, { hungUpMaxMs: 150 });
  const lost = new Promise<Error>((resolve) => (pool.onLost = resolve));
  expect(await failureOf(() => pool.take())).toEqual({
    code: "LINK_REFUSED",
    message: "The guest's agent does not answer.",
  });
  await lost;
  listener.closeAll();
});

/** Lets callers in one by one, as the test says. */
function slowGate() {
  const doors: (() => void)[] = [];
  const gate = handGate(() => new Promise((resolve) => doors.push(resolve)));
  const letIn = async (isDone: () => boolean): Promise<void> => {
    while (!isDone()) {
      await turn();
      doors.shift()?.();
    }
  };
  return { gate, letIn };
}

test("Docker's clients and qn's own never wait behind clients of ports, of which one after the other is let in", async () => {
  const slow = slowGate();
  using gate = slow.gate;
  const pool = new GatePool(gate.key);
  const order: string[] = [];
  const ports = Array.from({ length: 100 }, () => pool.take("port").then(() => order.push("port")));
  await slow.letIn(() => order.length === 20);
  // Two are kept for them, and they are let in before those that wait.
  const own = [pool.take("docker"), pool.take("names"), pool.take("docker"), pool.take("docker")];
  const done = own.map((taken) => taken.then(() => order.push("own")));
  await Promise.all([Promise.all([...done, ...ports]), slow.letIn(() => order.length === 104)]);
  // Up to four were being opened for somebody else, and each of the last two takes the first that opens.
  expect(order.slice(20, 26).filter((each) => each === "own")).toHaveLength(4);
  expect(order.slice(20, 22)).toEqual(["own", "own"]);
  pool.close();
});

test("who waits and whose client has gone is taken out: nobody is let in for him", async () => {
  const slow = slowGate();
  using gate = slow.gate;
  const pool = new GatePool(gate.key);
  const leaving = new AbortController();
  const gone = Array.from({ length: 500 }, () => failureOf(() => pool.take("port", { gone: leaving.signal })));
  let isServed = false;
  const stays = pool.take("port").then(() => (isServed = true));
  leaving.abort();
  expect((await Promise.all(gone)).every(({ message }) => message === "The client has gone.")).toBe(true);
  await Promise.all([stays, slow.letIn(() => isServed)]);
  expect(gate.callers.length).toBeLessThanOrEqual(2 * openingMost);
  pool.close();
});

test("two failures do not lose the gate", async () => {
  let knocks = 0;
  using gate = handGate(async () => {
    knocks += 1;
    if (knocks <= 2) throw new Error("slammed");
  });
  const pool = new GatePool(gate.key);
  let isLost = false;
  pool.onLost = () => (isLost = true);
  await Promise.all(Array.from({ length: 20 }, () => pool.take()));
  expect(isLost).toBe(false);
  pool.close();
});

test("a gate that is nobody's is lost too", async () => {
  const listener = listen({ hostname: "127.0.0.1", port: 0 }, () => {});
  listener.close();
  const pool = new GatePool({ port: listener.port, secret: randomBytes(32) });
  const lost = new Promise<Error>((resolve) => (pool.onLost = resolve));
  expect((await failureOf(() => pool.take())).code).toBe("LINK_REFUSED");
  await lost;
});

test("a pool that is closed refuses who waits, lets go of what is idle and keeps what was taken", async () => {
  using gate = handGate();
  const pool = new GatePool(gate.key);
  await gate.proven(atRest);
  const { connection } = await pool.take();
  pool.close();
  expect(await failureOf(() => pool.take())).toEqual({
    code: "LINK_REFUSED",
    message: "The link to the guest is closed.",
  });
  connection.write(encode({ open: "docker" }));
  const outcomes = await Promise.allSettled(gate.callers.map(({ lines }) => lines.next()));
  const lines = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
  expect(lines).toEqual(['{"open":"docker"}']);
});

test("a gate of another boot is refused by its proof", async () => {
  using gate = realGate();
  expect(await failureOf(() => dial({ ...gate.key, secret: randomBytes(32) }))).toEqual({
    code: "PROTOCOL",
    message: "The connection is gone.",
  });
});

test("whoever has taken the gate's place learns nothing and is not believed", async () => {
  const heard: Buffer[] = [];
  const listener = listen({ hostname: "127.0.0.1", port: 0 }, (connection) => {
    const received = receive(connection);
    connection.write(`${JSON.stringify({ qn: 1, nonce: "00".repeat(32) })}\n`);
    const answer = async (): Promise<void> => {
      await received.reached(1);
      heard.push(received.whole);
      connection.write(`${JSON.stringify({ proof: "00".repeat(32) })}\n`);
    };
    void answer();
  });
  const secret = randomBytes(32);
  expect(await failureOf(() => dial({ port: listener.port, secret }))).toEqual({
    code: "LINK_REFUSED",
    message: "The other side does not know this boot's secret.",
  });
  expect(Object.keys(JSON.parse(heard.join("")) as object)).toEqual(["nonce", "proof"]);
  expect(heard.join("")).not.toContain(secret.toString("hex"));
  listener.closeAll();
});

test("an agent that was started anew is reached through a new pool, while the old one is refused", async () => {
  const served: string[] = [];
  const target = listen({ hostname: "127.0.0.1", port: 0 }, (connection) => {
    served.push("stream");
    connection.write("hello");
  });
  const addressOf = () => ({ hostname: "127.0.0.1", port: target.port });
  const first = realGate({ addressOf });
  const old = new GatePool(first.key);
  const lost = new Promise<Error>((resolve) => (old.onLost = resolve));
  await old.take();
  first[Symbol.dispose]();
  await lost;
  using _second = realGate({ addressOf, port: first.key.port, secret: first.key.secret });
  expect((await failureOf(() => old.take())).message).toBe("The link to the guest is closed.");
  const pool = new GatePool(first.key);
  const { connection } = await pool.take();
  const received = receive(connection);
  connection.write(encode({ open: "docker" }));
  await received.reached('{"ok":true}\n\0\0\0\u0005hello'.length);
  expect([received.whole.toString(), served]).toEqual(['{"ok":true}\n\0\0\0\u0005hello', ["stream"]]);
  pool.close();
  target.closeAll();
});
