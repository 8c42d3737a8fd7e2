/** Lanes beside the gate: ports' streams take them, and go by the gate where there is none. QEMU is a socket here. */
import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openGate } from "../../../../src/agent/link/gate.ts";
import type { GateKey } from "../../../../src/host/gate/dial.ts";
import { Gateway } from "../../../../src/host/gate/gateway.ts";
import { openLanes } from "../../../../src/host/gate/lanes.ts";
import { GatePool } from "../../../../src/host/gate/pool.ts";
import { encode } from "../../../../src/protocol/frame.ts";
import type { HostMessage } from "../../../../src/protocol/messages.ts";
import type { Open } from "../../../../src/protocol/stream-request.ts";
import { type Connection, connect, listen } from "../../../../src/system/net/connection.ts";
import { Lane } from "../../../../src/system/net/lane.ts";
import { receive } from "../../../support/streams.ts";

const port: Open = { open: "port", protocol: "tcp", hostIp: "0.0.0.0", hostPort: 80 };

/** Two lanes as QEMU has them, an agent behind them, and the host's side. */
type Scene = AsyncDisposable & {
  readonly pool: GatePool;
  /** What has come to the gate by its own address, and on lanes. */
  readonly came: { gate: number; lanes: number };
  /** The agent's ends. */
  readonly lanes: Lane[];
  /** Resolves once this many lanes can be used. */
  ready(count: number): Promise<void>;
  /** Sends one request through a stream and gives back the answer. */
  ask(open: Open, text: string): Promise<string>;
};

/** `stale` is what an agent of before has left in each line; an agent that does not `greet` opens no lane. */
async function scene({ stale = "", greets = true } = {}): Promise<Scene> {
  const folder = await mkdtemp(join(tmpdir(), "qn-lanes-"));
  const sockets = [join(folder, "lane0.sock"), join(folder, "lane1.sock"), join(folder, "nobody.sock")];
  const secret = Buffer.alloc(32, 7);
  const came = { gate: 0, lanes: 0 };
  const echo = listen({ hostname: "127.0.0.1", port: 0 }, (server) => {
    server.amend({
      onData: (bytes) => void server.write(bytes),
      onEnd: () => server.end(),
    });
  });
  const gate = openGate({
    secret,
    address: { hostname: "127.0.0.1", port: 0 },
    addressOf: () => ({ hostname: "127.0.0.1", port: echo.port }),
    onControl: (connection) => connection.reset(),
    onNames: (connection) => connection.reset(),
  });
  const front = listen({ hostname: "127.0.0.1", port: 0 }, (connection) => {
    came.gate += 1;
    gate.admit(connection);
  });
  const lines: Connection[] = [];
  const qemu = sockets.slice(0, 2).map((unix) => listen({ unix }, (line) => void lines.push(line)));
  const lanes: Lane[] = [];
  const agent = (message: HostMessage): void => {
    if (message.type !== "lanes" || !greets) return;
    for (const line of lines) {
      line.write(stale);
      line.write(Buffer.from(message.token, "hex"));
      const lane = new Lane(line);
      lane.onConnection = (connection) => {
        came.lanes += 1;
        gate.admit(connection);
      };
      lanes.push(lane);
    }
  };
  const key: GateKey = { port: front.port, secret, lanes: sockets };
  const pool = new GatePool(key);
  let count = 0;
  let goal = { count: Number.POSITIVE_INFINITY, resolve: () => {} };
  await openLanes(sockets, agent, (lane) => {
    pool.addLane(lane);
    count += 1;
    if (count >= goal.count) goal.resolve();
  });
  const gateway = new Gateway();
  gateway.use(pool);
  const door = join(folder, "door.sock");
  let wanted: Exclude<Open, { open: "control" }> = { open: "docker" };
  const clients = listen({ unix: door }, (client) => void gateway.carry(client, wanted, {}));
  return {
    pool,
    came,
    lanes,
    async ready(wantedCount) {
      const { promise, resolve } = Promise.withResolvers<void>();
      goal = { count: wantedCount, resolve };
      if (count >= wantedCount) resolve();
      await promise;
    },
    async ask(open, text) {
      if (open.open === "control") throw new Error("Nobody carries that.");
      wanted = open;
      const client = await connect({ unix: door });
      const received = receive(client);
      client.write(text);
      client.end();
      await received.ended;
      return received.whole.toString();
    },
    async [Symbol.asyncDispose]() {
      pool.close();
      for (const listener of [clients, echo, gate, front, ...qemu]) listener.closeAll();
      await rm(folder, { recursive: true });
    },
  };
}

/** Whether the next stream of this kind would take a lane. */
async function takesLane({ pool }: Scene, open: Open["open"]): Promise<boolean> {
  const { connection, giveBack } = await pool.take(open);
  // It was not used; the agent's word behind a stream is said for it.
  giveBack?.(Buffer.from(encode({ ready: true })));
  return connection.remoteAddress === "";
}

/** Resolves when a lane has proven itself. */
async function usable(scene: Scene): Promise<void> {
  while (!(await takesLane(scene, "port"))) await new Promise(setImmediate);
}

test("a published port's streams take a lane, one after the other, and Docker's take the gate", async () => {
  await using side = await scene();
  await side.ready(2);
  await usable(side);
  for (let round = 0; round < 50; round += 1) {
    expect(await side.ask(port, `page ${round}`)).toBe(`page ${round}`);
    expect([round, await takesLane(side, "port"), await takesLane(side, "docker")]).toEqual([round, true, false]);
  }
  expect(await side.ask({ open: "docker" }, "ping")).toBe("ping");
  // None had to be opened again.
  expect(side.came.lanes).toBe(2);
});

test("more streams than lanes take the gate", async () => {
  await using side = await scene();
  await side.ready(2);
  const answers = await Promise.all(Array.from({ length: 40 }, (_, index) => side.ask(port, `page ${index}`)));
  expect(answers).toEqual(answers.map((_, index) => `page ${index}`));
});

test("what an agent of before has left in a line is passed over", async () => {
  await using side = await scene({ stale: "left over ".repeat(500) });
  await side.ready(2);
  await usable(side);
});

test("lanes that no agent opens, or that go, are missed by nobody", async () => {
  await using without = await scene({ greets: false });
  expect(await without.ask(port, "page")).toBe("page");
  await using side = await scene();
  await side.ready(2);
  await usable(side);
  for (const lane of side.lanes) lane.close();
  for (let round = 0; round < 5; round += 1) expect(await side.ask(port, "page")).toBe("page");
});
