/** A UDP port of the host, as a relay with sessions: each client is a flow of its own, until it falls silent. */
import { messageOf } from "../../base/errors.ts";
import { DatagramReader, encodeDatagram } from "../../protocol/datagram.ts";
import { encode, LineReader } from "../../protocol/frame.ts";
import { type Open, openedBytesMax, parseOpened } from "../../protocol/stream-request.ts";
import { after, type Timer } from "../../system/clock.ts";
import type { Connection } from "../../system/net/connection.ts";
import type { Peer } from "../../system/net/datagrams.ts";
import type { PortFlows } from "../gate/flow-limit.ts";
import type { Gateway } from "../gate/gateway.ts";

/** How long a flow may be silent both ways: about as long as the kernel's own conntrack keeps a UDP stream. */
const flowIdleMs = 90_000;

/**
 * Datagrams and bytes of one client that wait for its flow to open; past that, and past what may wait of all clients,
 * they are dropped, as UDP would.
 */
const waitingMax = 32;
const waitingBytesMax = 65_535;

/** What the flows of one port need, and whom they tell. */
export type FlowOptions = {
  readonly gateway: Gateway;
  /** What each flow asks the gate for; it may change while the port stays open. */
  readonly open: () => Exclude<Open, { open: "control" }>;
  readonly answer: (payload: Uint8Array, client: Peer) => void;
  readonly onBytes: (bytes: number) => void;
  readonly onCount: (flows: number) => void;
  readonly onRefused: (reason: string) => void;
};

/** The flows of one UDP port. */
export class Flows {
  readonly #options: FlowOptions;
  /** In the order of their last datagram, the idlest first. */
  readonly #flows = new Map<string, Flow>();
  readonly #asPort: PortFlows;

  constructor(options: FlowOptions) {
    this.#options = options;
    const flows = this.#flows;
    this.#asPort = {
      get size() {
        return flows.size;
      },
      endIdlest: () => flows.values().next().value?.close(),
    };
  }

  /** Passes a client's datagram on, in the client's flow or a new one. */
  take(payload: Uint8Array, client: Peer): void {
    const key = `${client.hostname} ${client.port}`;
    const flow = this.#flows.get(key) ?? this.#begin(key, client);
    flow.send(payload);
  }

  /** Ends every flow. */
  close(): void {
    for (const flow of this.#flows.values()) flow.close();
  }

  #begin(key: string, client: Peer): Flow {
    const all = this.#options.gateway.flows;
    all.makeRoom();
    const flow: Flow = new Flow(this.#options, client, {
      onUse: () => {
        // Out and in again: a Map keeps the order of insertion.
        if (this.#flows.delete(key)) this.#flows.set(key, flow);
      },
      onEnd: () => {
        this.#flows.delete(key);
        all.has(this.#asPort, this.#flows.size > 0);
        this.#options.onCount(this.#flows.size);
      },
    });
    this.#flows.set(key, flow);
    all.has(this.#asPort, true);
    this.#options.onCount(this.#flows.size);
    return flow;
  }
}

// --- internal ---

/** Who keeps a flow: it is told of each datagram either way, and of the end. */
type FlowOwner = { readonly onUse: () => void; readonly onEnd: () => void };

/** One client of one port, and its stream through the gate. */
class Flow {
  readonly #options: FlowOptions;
  readonly #client: Peer;
  readonly #owner: FlowOwner;
  #connection: Connection | undefined;
  readonly #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #isFull = false;
  readonly #gone = new AbortController();
  #idle: Timer;

  constructor(options: FlowOptions, client: Peer, owner: FlowOwner) {
    this.#options = options;
    this.#client = client;
    this.#owner = owner;
    this.#idle = this.#armIdle();
    void this.#open();
  }

  send(payload: Uint8Array): void {
    this.#touch(payload.length);
    if (this.#connection !== undefined) {
      if (!this.#isFull) this.#isFull = !this.#connection.write(encodeDatagram(payload));
    } else if (this.#mayWait(payload.length)) {
      // The receive buffer may be used again for the next datagram.
      this.#waiting.push(new Uint8Array(payload));
      this.#waitingBytes += payload.length;
    }
  }

  #mayWait(bytes: number): boolean {
    if (this.#waiting.length >= waitingMax || this.#waitingBytes + bytes > waitingBytesMax) return false;
    return this.#options.gateway.flows.hold(bytes);
  }

  /** What has waited, which waits no more. */
  #takeWaiting(): readonly Uint8Array[] {
    this.#options.gateway.flows.release(this.#waitingBytes);
    this.#waitingBytes = 0;
    return this.#waiting.splice(0);
  }

  close(): void {
    if (this.#gone.signal.aborted) return;
    this.#gone.abort();
    this.#takeWaiting();
    this.#idle.cancel();
    this.#connection?.reset();
    this.#owner.onEnd();
  }

  async #open(): Promise<void> {
    const { gateway, open } = this.#options;
    try {
      const { connection, lines } = await gateway.take("docker", { rank: "port", gone: this.#gone.signal });
      if (this.#gone.signal.aborted) return connection.reset();
      const reader = new LineReader(openedBytesMax);
      reader.push(lines.release());
      connection.write(encode(open()));
      connection.take({
        onData: this.#readAnswer(connection, reader),
        onDrain: () => (this.#isFull = false),
        onEnd: () => this.close(),
        onClose: () => this.close(),
      });
      this.#connection = connection;
      for (const payload of this.#takeWaiting()) connection.write(encodeDatagram(payload));
      connection.resume();
    } catch (error) {
      this.#refuse(messageOf(error));
    }
  }

  /** First the line that says whether the flow is open, then datagrams. */
  #readAnswer(connection: Connection, lines: LineReader): (bytes: Uint8Array) => void {
    const { answer } = this.#options;
    const datagrams = new DatagramReader();
    const pass = (bytes: Uint8Array): void => {
      for (const payload of datagrams.push(bytes)) {
        this.#touch(payload.length);
        answer(payload, this.#client);
      }
    };
    return (bytes) => {
      lines.push(bytes);
      try {
        const line = lines.next();
        if (line === undefined) return;
        const opened = parseOpened(line);
        if (!opened.ok) return this.#refuse(opened.reason);
      } catch (error) {
        return this.#refuse(messageOf(error));
      }
      connection.amend({ onData: pass });
      pass(lines.rest());
    };
  }

  #refuse(reason: string): void {
    if (!this.#gone.signal.aborted) this.#options.onRefused(reason);
    this.close();
  }

  #touch(bytes: number): void {
    this.#options.onBytes(bytes);
    this.#owner.onUse();
    this.#idle.cancel();
    this.#idle = this.#armIdle();
  }

  #armIdle(): Timer {
    return after(flowIdleMs, () => this.close());
  }
}
