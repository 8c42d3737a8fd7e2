/** One UDP port of the host in front of a gate, for contract tests: its flows, and what they tell. */
import type { GateKey } from "../../src/host/gate/dial.ts";
import { Gateway } from "../../src/host/gate/gateway.ts";
import { GatePool } from "../../src/host/gate/pool.ts";
import { type FlowOptions, Flows } from "../../src/host/ports/udp.ts";
import { listenForDatagrams } from "../../src/system/net/datagrams.ts";

/** What each flow asks the gate for. */
export const open = { open: "port", protocol: "udp", hostIp: "0.0.0.0", hostPort: 53 } as const;

/** What a test sees and changes of such a port. */
export type HostSide = Disposable & {
  readonly port: number;
  /** What its flows were made with, for another port of the same VM. */
  readonly options: FlowOptions;
  readonly flows: Flows;
  readonly gateway: Gateway;
  readonly refusals: string[];
  bytes: number;
  /** How many flows there were after each change. */
  readonly counts: number[];
  /** Resolves when there are this many flows. */
  counted(count: number): Promise<void>;
  /** Resolves with the next refusal. */
  refused(): Promise<string>;
};

/** Listens for datagrams on the loopback and passes them on as flows through the gate that the key is for. */
export async function hostSide(key: GateKey, options: Partial<FlowOptions> = {}): Promise<HostSide> {
  // A gate that was lost is waited for in test/contract/host/gate/stream.test.ts.
  const gateway = new Gateway(0);
  const pool = new GatePool(key);
  gateway.use(pool);
  let counting = { count: -1, resolve: () => {} };
  let refusing: (reason: string) => void = () => {};
  const all: FlowOptions = {
    gateway,
    open: () => open,
    answer: (answer, client) => socket.send(answer, client),
    onBytes: (bytes) => (host.bytes += bytes),
    onCount(count) {
      host.counts.push(count);
      if (count === counting.count) counting.resolve();
    },
    onRefused(reason) {
      host.refusals.push(reason);
      refusing(reason);
    },
    ...options,
  };
  const flows = new Flows(all);
  const socket = await listenForDatagrams({ hostname: "127.0.0.1", port: 0 }, (datagram, client) =>
    flows.take(datagram, client),
  );
  const host: HostSide = {
    port: socket.port,
    options: all,
    flows,
    gateway,
    refusals: [],
    bytes: 0,
    counts: [],
    async counted(count) {
      if ((host.counts.at(-1) ?? 0) === count) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      counting = { count, resolve };
      await promise;
    },
    async refused() {
      const { promise, resolve } = Promise.withResolvers<string>();
      refusing = resolve;
      return await promise;
    },
    [Symbol.dispose]() {
      flows.close();
      socket.close();
      pool.close();
    },
  };
  return host;
}
