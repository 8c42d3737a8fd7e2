/**
 * Connections of the gate that are used again, against both ends of a stream that close, half close, reset and wait as chance
 * has it, with a way between host and guest that delays what it carries: no stream pays for how the one before it ended.
 */
import { expect, test } from "bun:test";
import { connect, type Connection } from "../../../../src/system/net/connection.ts";
import { type Chance, testWithChance } from "../../../support/chance.ts";
import { hostSide, realGate } from "../../../support/gates.ts";
import { listenSomewhere, payload, type TestListener, receive, send, sumOf } from "../../../support/streams.ts";

/** Hands over what comes from one side to the other, in order, each thing a while after the one before. */
function delayed(from: Connection, to: Connection, delayMs: () => number): void {
  let last = Promise.resolve();
  const later = (action: () => void): void => {
    last = last.then(() => passing(delayMs())).then(action);
  };
  from.amend({
    onData: (bytes) => {
      const copy = Buffer.from(bytes);
      later(() => void to.write(copy));
    },
    onEnd: () => later(() => to.end()),
  });
  // As slirp does: what breaks on one side ends in order on the other.
  from.amend({ onClose: () => later(() => to.end()) });
}

/** Lets everything that is ready happen first, and so many milliseconds pass. */
function passing(ms: number): Promise<unknown> {
  return new Promise((resolve) => (ms === 0 ? setImmediate(resolve) : setTimeout(resolve, ms)));
}

/** The way between host and guest: what is sent through it arrives late. `onOpen` hears of each connection. */
async function lateWayTo(port: number, delayMs: () => number, onOpen: () => void): Promise<TestListener> {
  return await listenSomewhere("tcp", (host) => {
    onOpen();
    host.pause();
    const join = async (): Promise<void> => {
      const guest = await connect({ hostname: "127.0.0.1", port });
      delayed(host, guest, delayMs);
      delayed(guest, host, delayMs);
      host.resume();
    };
    join().catch(() => host.reset());
  });
}

type Scene = AsyncDisposable & { readonly client: () => Promise<Connection>; readonly opened: number };

/** Clients of a host listener, whose streams go through the pool, the late way and the agent's gate to `serve`. */
async function scene(
  serve: (server: Connection) => void,
  { kind = "unix", delayMs = () => 0 }: { readonly kind?: "unix" | "tcp"; readonly delayMs?: () => number } = {},
): Promise<Scene> {
  const server = await listenSomewhere(kind, serve);
  const gate = realGate({ addressOf: () => server.address });
  let opened = 0;
  const way = await lateWayTo(gate.key.port, delayMs, () => (opened += 1));
  const host = await hostSide({ port: way.listener.port, secret: gate.key.secret }, "unix");
  return {
    client: () => connect(host.address),
    get opened() {
      return opened;
    },
    async [Symbol.asyncDispose]() {
      await host[Symbol.asyncDispose]();
      gate[Symbol.dispose]();
      for (const listener of [way, server]) await listener[Symbol.asyncDispose]();
    },
  };
}

/** Reads a request of one line and answers it, then closes its socket whole, as dockerd does with `Connection: close`. */
function closingServer(
  server: Connection,
  answerTo: (request: string) => Uint8Array,
  close: (server: Connection) => void = closeWhole,
): void {
  let said = "";
  server.amend({
    onData: (bytes) => {
      said += Buffer.from(bytes).toString();
      if (!said.endsWith("\n")) return;
      const answer = async (): Promise<void> => {
        await send(server, answerTo(said));
        close(server);
      };
      void answer();
    },
  });
}

/** Both directions at once, in order, once everything has been handed to the kernel. */
function closeWhole(connection: Connection): void {
  connection.reset();
}

async function ask(client: Connection, request: string): Promise<string> {
  const received = receive(client);
  client.write(request);
  await received.ended;
  client.end();
  return `${received.whole.toString()}${(await received.closed) ?? ""}`;
}

/** How a server of each kind closes its socket in order: over TCP that is an end, until the client says more. */
const closes = { unix: closeWhole, tcp: (server: Connection) => server.end() };

for (const kind of ["unix", "tcp"] as const) {
  for (const clients of [1, 8]) {
    test(`2,000 connections that the server closes, back to back from ${clients}, are all answered (${kind})`, async () => {
      const serve = (server: Connection): void =>
        closingServer(server, (request) => Buffer.from(`answer to ${request}`), closes[kind]);
      await using side = await scene(serve, { kind });
      const bad: string[] = [];
      let next = 0;
      const work = async (): Promise<void> => {
        for (let index = next++; index < 2000; index = next++) {
          const answer = await ask(await side.client(), `${index}\n`);
          if (answer !== `answer to ${index}\n`) bad.push(`${index}: ${answer}`);
        }
      };
      await Promise.all(Array.from({ length: clients }, work));
      expect(bad).toEqual([]);
      // They were used again all the same, else the test would show nothing.
      expect(side.opened).toBeLessThan(200);
    });
  }
}

test("a client that is slow to take what a server has said that closed its socket gets all of it, and is not reset", async () => {
  const large = payload(6 * 1024 ** 2);
  await using side = await scene((server) => closingServer(server, () => large));
  const slow = await side.client();
  slow.write("all of it\n");
  slow.pause();
  // Others come and go meanwhile, so that the server has long closed by the time that the slow one reads on.
  for (let index = 0; index < 5; index += 1) {
    const quick = await side.client();
    const answered = receive(quick);
    quick.write("once more\n");
    await answered.ended;
    expect(sumOf(answered.whole)).toBe(sumOf(large));
    quick.end();
  }
  const received = receive(slow);
  slow.resume();
  await received.ended;
  expect(sumOf(received.whole)).toBe(sumOf(large));
  slow.end();
  expect(await received.closed).toBeUndefined();
});

test("a client that goes on sending to a server that has closed its socket is broken off, after the answer", async () => {
  await using side = await scene((server) => closingServer(server, () => Buffer.from("enough")));
  const client = await side.client();
  const received = receive(client);
  client.write("begin\n");
  await received.ended;
  for (let more = true; more && !client.isClosed; more = !client.isClosed) {
    client.write("more\n");
    await new Promise(setImmediate);
  }
  await received.closed;
  expect(received.whole.toString()).toBe("enough");
  expect(await ask(await side.client(), "next\n")).toBe("enough");
});

/** How one of both ends may behave; a server's ways and a client's. */
const serverWays = ["close", "end", "early close", "reset", "late close", "unread close"] as const;
const clientWays = ["close", "end first", "reset", "leave early", "send on", "send much"] as const;
type ServerWay = (typeof serverWays)[number];
type ClientWay = (typeof clientWays)[number];

/** Serves a request that says how: `way answerBytes\n`. */
function servedAsAsked(server: Connection, delayMs: () => number): void {
  let said = "";
  let isServed = false;
  server.amend({
    onData: (bytes) => {
      said += Buffer.from(bytes).toString();
      if (isServed || !said.includes("\n")) return;
      isServed = true;
      const [way = "", count = "0", tag = ""] = (said.split("\n")[0] ?? "").split(",");
      // What its client says from now on is there, and not read, when it closes.
      if (way === "unread close") server.pause();
      const act = async (): Promise<void> => {
        if (way === "early close") return closeWhole(server);
        await send(server, answerOf(Number(count), tag));
        if (way === "end") return server.end();
        if (way === "late close" || way === "unread close") await passing(delayMs());
        closeWhole(server);
      };
      void act();
    },
  });
}

function answerOf(bytes: number, tag: string): Buffer {
  return Buffer.alloc(bytes, `${tag}.`);
}

for (const kind of ["unix", "tcp"] as const) {
  testWithChance(
    `600 streams of every manner over a late way end as they alone would (${kind})`,
    async (chance: Chance) => {
      const delayMs = (): number => (chance.below(4) === 0 ? chance.below(4) : 0);
      await using side = await scene((server) => servedAsAsked(server, delayMs), { kind, delayMs });
      const wrong: string[] = [];
      const one = async (index: number): Promise<void> => {
        const server: ServerWay = chance.pick(serverWays);
        const way: ClientWay = chance.pick(clientWays);
        const whole = answerOf(1 + chance.below(chance.below(8) === 0 ? 300_000 : 300), `${index}`);
        const client = await side.client();
        const received = receive(client);
        client.write(`${server},${whole.length},${index}\n`);
        if (way === "leave early") client.reset();
        if (way === "send much") client.write(Buffer.alloc(300_000));
        if (way === "reset") await Promise.race([received.reached(1 + chance.below(whole.length)), received.ended]);
        if (way === "reset") client.reset();
        if (way === "end first") client.end();
        await received.ended;
        if (way === "send on") client.write("more");
        client.end();
        const end = await received.closed;
        const text = received.whole;
        if (!whole.subarray(0, text.length).equals(text)) wrong.push(`${index}: ${server}, ${way}: foreign bytes`);
        const isOrderly = server === "end" || (kind === "unix" && (server === "close" || server === "late close"));
        const isWhole = text.length === whole.length && end === undefined;
        if (isOrderly && (way === "close" || way === "end first") && !isWhole) {
          wrong.push(`${index}: ${server}, ${way}: ${text.length} of ${whole.length}, ${end}`);
        }
      };
      let next = 0;
      const work = async (): Promise<void> => {
        for (let index = next++; index < 600; index = next++) await one(index);
      };
      await Promise.all(Array.from({ length: 6 }, work));
      expect(wrong).toEqual([]);
    },
  );
}
