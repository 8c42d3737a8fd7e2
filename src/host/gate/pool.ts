/** A pool of connections to the agent that are opened and proven, and come back when their streams have ended. */
import { QnError } from "../../base/errors.ts";
import { LineReader } from "../../protocol/frame.ts";
import { type Open, parseReady } from "../../protocol/stream-request.ts";
import type { Connection } from "../../system/net/connection.ts";
import type { Lane } from "../../system/net/lane.ts";
import { type Lines, linesOf } from "../../system/net/lines.ts";
import { dial, type GateKey, proveBoth, type Proven } from "./dial.ts";

/**
 * At most this many connections are being opened at once: slirp listens with a backlog of 1, and a burst overflows it
 * into hangs of 31 s (measured: decision D11).
 */
const openingMax = 4;

/**
 * Idle connections that the pool keeps: few at rest, as many as a burst used afterwards. What comes back beyond is
 * closed. It fills up again only when half of them are gone: what is opened in the place of one that is lent would push
 * that out when its stream has ended, and each stream would open another.
 */
const idleMin = 8;
const idleMax = 64;

/** The longest word of the agent's behind a stream, in bytes. */
const readyBytesMax = 64;

/** How many failed dials in a row mean that the gate is lost. */
const failuresMax = 3;

/**
 * What takes a lane where one is free. Docker's own streams are many and long, and what they bring is faster by the
 * gate.
 */
const laneStreams: readonly Open["open"][] = ["port", "guest"];

/** Idle connections of a pool that is cold: each costs a guest that boots time which Docker needs. */
const idleCold = 1;

/** Connections through one gate, and on the lanes beside it. */
export class GatePool {
  /** Called once when the gate does not answer any more; waiting callers have been refused by then. */
  onLost: (error: Error) => void = () => {};

  readonly #key: GateKey;
  #idle: Connection[] = [];
  readonly #lanes = new Set<Lane>();
  /** Proven connections on lanes, which only wait for a stream; each lane has one at a time. */
  #idleOnLanes: Connection[] = [];
  readonly #onLanes = new WeakSet<Connection>();
  /** Those whose stream is over here, the longest first: the agent has not said yet that it is over there too. */
  readonly #returning = new Set<Connection>();
  #waiting: PromiseWithResolvers<Proven>[] = [];
  #opening = 0;
  #isFilling = false;
  #target: number;
  #failures = 0;
  #closed = false;

  /** A cold pool opens what it is asked for, and little more until `warm` is called. */
  constructor(key: GateKey, { isCold = false }: { readonly isCold?: boolean } = {}) {
    this.#key = key;
    this.#target = isCold ? idleCold : idleMin;
    this.#refill();
  }

  /** Opens the idle connections that clients of ports are served from. */
  warm(): void {
    this.#target = Math.max(this.#target, idleMin);
    this.#refill();
  }

  /** A proven connection: an idle one at once, or the next that opens or comes back, first come first served. */
  async take(open: Open["open"] = "docker"): Promise<Proven> {
    if (this.#closed) throw new QnError("GATE_REFUSED", "The gate is closed.");
    const onLane = laneStreams.includes(open) ? this.#idleOnLanes.pop() : undefined;
    if (onLane !== undefined) return this.#handOut(onLane);
    const idle = this.#idle.pop();
    if (idle !== undefined) {
      this.#refill();
      return this.#handOut(idle);
    }
    const waiter = Promise.withResolvers<Proven>();
    this.#waiting.push(waiter);
    this.#target = Math.min(idleMax, this.#target * 2);
    this.#refill();
    return waiter.promise;
  }

  /** Uses a lane too, from now on until it is closed. */
  addLane(lane: Lane): void {
    if (this.#closed) return lane.close();
    this.#lanes.add(lane);
    lane.onClose = () => this.#lanes.delete(lane);
    lane.onFree = () => void this.#openOn(lane);
    void this.#openOn(lane);
  }

  /**
   * Closes every idle connection and every lane, and refuses whoever waits. Streams that were taken go on, but those on
   * lanes: the next link needs them, and QEMU serves one client at a time.
   */
  close(reason: Error = new QnError("GATE_REFUSED", "The gate is closed.")): void {
    this.#closed = true;
    for (const lane of this.#lanes) lane.close();
    for (const connection of [...this.#idle.splice(0), ...this.#returning]) connection.reset();
    for (const waiter of this.#waiting.splice(0)) waiter.reject(reason);
  }

  #refill(): void {
    const there = this.#idle.length + this.#returning.size;
    if (there <= this.#target / 2) this.#isFilling = true;
    if (there >= this.#target) this.#isFilling = false;
    while (!this.#closed && this.#opening < openingMax && this.#wanted() > 0) {
      this.#opening += 1;
      void this.#open();
    }
  }

  /**
   * Connections that are missing: one for each caller that waits, and, while the pool fills up, the idle ones that are
   * neither here nor on their way back.
   */
  #wanted(): number {
    const ahead = this.#isFilling ? this.#target - this.#idle.length - this.#returning.size : 0;
    return this.#waiting.length + ahead - this.#opening;
  }

  async #open(): Promise<void> {
    try {
      const proven = await dial(this.#key);
      this.#keepSilent(proven);
      this.#failures = 0;
    } catch (error) {
      this.#failures += 1;
      if (this.#failures >= failuresMax && !this.#closed) {
        const reason = new QnError("GATE_REFUSED", "The guest's gate does not answer.", { cause: error });
        this.close(reason);
        this.onLost(reason);
      }
    } finally {
      this.#opening -= 1;
      this.#refill();
    }
  }

  /** A lane on which this fails is given up: there is the gate. */
  async #openOn(lane: Lane): Promise<void> {
    if (this.#closed || !lane.isFree) return;
    try {
      const proven = await proveBoth(lane.open(), this.#key);
      this.#onLanes.add(proven.connection);
      this.#keepSilent(proven);
    } catch {
      lane.close();
    }
  }

  #handOut(connection: Connection): Proven {
    const lines = linesOf(connection, new LineReader());
    return { connection, lines, giveBack: (rest) => void this.#takeBack(connection, rest) };
  }

  /**
   * Takes a connection whose stream is over here. It is clean once the agent has said so: until then the agent may see
   * the stream break off, and end the connection with it.
   */
  async #takeBack(connection: Connection, early: Uint8Array): Promise<void> {
    if (this.#closed) return connection.reset();
    // Those on lanes are few, and in no account of idle ones.
    if (!this.#onLanes.has(connection)) this.#returning.add(connection);
    // An agent that never says it fills no memory.
    if (this.#returning.size > idleMax) this.#returning.values().next().value?.reset();
    const reader = new LineReader(readyBytesMax);
    reader.push(early);
    const lines = linesOf(connection, reader);
    try {
      parseReady(await lines.next());
      this.#keepSilent({ connection, lines });
    } catch {
      connection.reset();
    } finally {
      this.#returning.delete(connection);
      this.#refill();
    }
  }

  /** Ends the talking. Throws PROTOCOL, with the connection closed, when the agent has said more than it was asked. */
  #keepSilent({ connection, lines }: { readonly connection: Connection; readonly lines: Lines }): void {
    const isSilent = lines.release().length === 0;
    if (!isSilent) connection.reset();
    if (!isSilent) throw new QnError("PROTOCOL", "The agent speaks before it is asked.");
    connection.resume();
    this.#keep(connection);
  }

  /** Takes a connection that says nothing until it is asked: a new one, or one whose stream has ended. */
  #keep(connection: Connection): void {
    if (this.#closed || connection.isClosed) return connection.reset();
    const waiter = this.#waiting.shift();
    if (waiter !== undefined) return waiter.resolve(this.#handOut(connection));
    const isOnLane = this.#onLanes.has(connection);
    if (!isOnLane && this.#idle.length >= idleMax) return connection.reset();
    (isOnLane ? this.#idleOnLanes : this.#idle).push(connection);
    connection.take({
      // A word that nobody has asked for would be read by the next stream.
      onData: () => connection.reset(),
      // A process that dies ends its connections in order; nothing can come of one whose other half is gone.
      onEnd: () => connection.reset(),
      onClose: () => {
        this.#idle = this.#idle.filter((other) => other !== connection);
        this.#idleOnLanes = this.#idleOnLanes.filter((other) => other !== connection);
        this.#refill();
      },
    });
  }
}
