/** Gates for contract tests: the agent's own on a free loopback port, and one that a test holds in its hand. */
import { randomBytes } from "node:crypto";
import { type GateOptions, openGate } from "../../src/agent/link/gate.ts";
import type { GateKey } from "../../src/host/gate/dial.ts";
import { Gateway } from "../../src/host/gate/gateway.ts";
import { GatePool } from "../../src/host/gate/pool.ts";
import { encode, LineReader } from "../../src/protocol/frame.ts";
import { confirm } from "../../src/protocol/handshake.ts";
import { type Connection, listen } from "../../src/system/net/connection.ts";
import { listenSomewhere, type TestListener } from "./streams.ts";
import { type Lines, linesOf } from "../../src/system/net/lines.ts";

/** A gate that listens, and what opens it. */
export type TestGate = Disposable & { readonly key: GateKey };

/** The agent's real gate. It refuses every stream unless the options say where one leads; `port` opens it there again. */
export function realGate(options: Partial<GateOptions> & { readonly port?: number } = {}): TestGate {
  const { port = 0, secret = randomBytes(32), ...rest } = options;
  const gate = openGate({
    secret,
    address: { hostname: "127.0.0.1", port },
    addressOf: () => {
      throw new Error("Nobody serves that.");
    },
    onControl: (connection) => connection.reset(),
    onNames: (connection) => connection.reset(),
    ...rest,
  });
  return { key: { port: gate.port, secret }, [Symbol.dispose]: () => gate.closeAll() };
}

/** A caller of the gate in the hand: its connection, and its lines behind the proofs. */
export type Caller = { readonly connection: Connection; readonly lines: Lines };

/** A gate in the hand, with every caller that has proven itself so far. */
export type HandGate = TestGate & {
  readonly callers: readonly Caller[];
  /** The most callers that were on their way in at once. */
  readonly openingMost: number;
  /** Resolves when this many callers have proven themselves since the gate is there. */
  proven(count: number): Promise<void>;
};

/** A gate that proves itself and then leaves each caller to the test. `before` may hold a caller up before its proof. */
export function handGate(before: () => Promise<void> = async () => {}): HandGate {
  const secret = randomBytes(32);
  const callers: Caller[] = [];
  let opening = 0;
  let openingMost = 0;
  let goal = { count: Number.POSITIVE_INFINITY, resolve: () => {} };
  const admit = async (connection: Connection): Promise<void> => {
    opening += 1;
    openingMost = Math.max(openingMost, opening);
    try {
      const nonce = randomBytes(32).toString("hex");
      const lines = linesOf(connection, new LineReader());
      connection.write(encode({ qn: 1, nonce }));
      const answer = await lines.next();
      await before();
      opening -= 1;
      connection.write(encode(confirm(answer, secret, nonce)));
      callers.push({ connection, lines });
      if (callers.length >= goal.count) goal.resolve();
    } catch {
      connection.reset();
    }
  };
  const listener = listen({ hostname: "127.0.0.1", port: 0 }, (connection) => void admit(connection));
  return {
    key: { port: listener.port, secret },
    callers,
    get openingMost() {
      return openingMost;
    },
    async proven(count) {
      if (callers.length >= count) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      goal = { count, resolve };
      await promise;
    },
    [Symbol.dispose]: () => listener.closeAll(),
  };
}

/** A host listener whose clients go through a pool on this gate to Docker. */
export async function hostSide(key: GateKey, kind: "tcp" | "unix" = "tcp"): Promise<TestListener> {
  const pool = new GatePool(key);
  const gateway = new Gateway();
  gateway.use(pool);
  const clients = await listenSomewhere(kind, (client) => void gateway.carry(client, { open: "docker" }, {}));
  return {
    ...clients,
    async [Symbol.asyncDispose]() {
      pool.close();
      await clients[Symbol.asyncDispose]();
    },
  };
}

/** A seam's options for settings that name no certificates and no sockets. */
export const nothingNamed = {
  caCertificates: "none",
  sockets: { sockets: [], setting: [], remedyFor: () => undefined },
} as const;
