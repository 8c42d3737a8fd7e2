/** A pool of connections to the agent that are opened and proven, and come back when their streams have ended. */
import { QnError } from "../../base/errors.ts";
import { LineReader } from "../../protocol/frame.ts";
import { type Open, parseReady } from "../../protocol/stream-request.ts";
import type { Connection } from "../../system/net/connection.ts";
import type { Lane } from "../../system/net/lane.ts";
import { HungUp, type Lines, linesOf } from "../../system/net/lines.ts";
import { after, type Timer } from "../../system/clock.ts";
import { dial, type GateKey, proveBoth, type Proven } from "./dial.ts";
import {
  failuresMax,
  hungUpPauseMs,
  idleCold,
  idleMax,
  idleMin,
  laneStreams,
  openingMax,
  ownIdle,
  ownLanesPart,
  ownTurnMs,
  readyBytesMax,
  usualHungUpMaxMs,
} from "./pool-limits.ts";
import { type Rank, Waiting } from "./waiting.ts";

/** For what a connection is wanted, if another rank than the stream's own, and what fires when it is not any more. */
export type TakeOptions = { readonly rank?: Rank; readonly gone?: AbortSignal | undefined };

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
  readonly #waiting = new Waiting();
  readonly #hungUpMaxMs: number;
  #hungUpSinceMs: number | undefined;
  #pause: Timer | undefined;
  #opening = 0;
  #ownTurnEndsMs = 0;
  #isFilling = false;
  #target: number;
  #failures = 0;
  #closed = false;

  /** A cold pool opens what it is asked for, and little more until `warm` is called. */
  constructor(
    key: GateKey,
    {
      isCold = false,
      hungUpMaxMs = usualHungUpMaxMs,
    }: { readonly isCold?: boolean; readonly hungUpMaxMs?: number } = {},
  ) {
    this.#key = key;
    this.#hungUpMaxMs = hungUpMaxMs;
    this.#target = isCold ? idleCold : idleMin;
    this.#refill();
  }

  /** Opens the idle connections that clients of ports are served from. */
  warm(): void {
    this.#target = Math.max(this.#target, idleMin);
    this.#refill();
  }

  /**
   * A proven connection: an idle one at once, or the next that opens or comes back, first come first served within a
   * rank. Rejects with LINK_REFUSED, also once `gone` fires.
   */
  async take(open: Open["open"] = "docker", { rank = rankOf(open), gone }: TakeOptions = {}): Promise<Proven> {
    if (this.#closed) throw new QnError("LINK_REFUSED", "The link to the guest is closed.");
    if (rank === "own") this.#ownTurnEndsMs = performance.now() + ownTurnMs;
    const connection = rank === "own" ? this.#takeOwn() : this.#takeForPort(laneStreams.includes(open));
    if (connection !== undefined) {
      this.#refill();
      return this.#handOut(connection);
    }
    const taken = this.#waiting.join(rank, gone);
    // A cold one opens no more than is asked for, however much that is.
    if (this.#target >= idleMin) this.#target = Math.min(idleMax, this.#target * 2);
    this.#refill();
    return await taken;
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
  close(reason: Error = new QnError("LINK_REFUSED", "The link to the guest is closed.")): void {
    this.#closed = true;
    for (const lane of this.#lanes) lane.close();
    for (const connection of [...this.#idle.splice(0), ...this.#returning]) connection.reset();
    this.#pause?.cancel();
    this.#waiting.refuse(reason);
  }

  #takeOwn(): Connection | undefined {
    return this.#idle.pop() ?? this.#idleOnLanes.pop();
  }

  #takeForPort(isForLane: boolean): Connection | undefined {
    if (isForLane && this.#idleOnLanes.length > this.#lanesForOwn) return this.#idleOnLanes.pop();
    return this.#idle.length > this.#keptForOwn ? this.#idle.pop() : undefined;
  }

  get #lanesForOwn(): number {
    return Math.floor(this.#lanes.size * ownLanesPart);
  }

  /** A pool that is cold has none to keep. */
  get #keptForOwn(): number {
    return this.#target < idleMin ? 0 : ownIdle;
  }

  #refill(): void {
    const there = this.#idle.length + this.#returning.size;
    if (there <= this.#target / 2) this.#isFilling = true;
    if (there >= this.#target) this.#isFilling = false;
    while (!this.#closed && this.#pause === undefined && this.#opening < this.#openingMax && this.#wanted() > 0) {
      this.#opening += 1;
      void this.#open();
    }
  }

  get #openingMax(): number {
    const isForPorts = !this.#waiting.hasOwn && this.#waiting.size > 0;
    return isForPorts && performance.now() < this.#ownTurnEndsMs ? 1 : openingMax;
  }

  /**
   * Connections that are missing: one for each caller that waits, and, while the pool fills up, the idle ones that are
   * neither here nor on their way back.
   */
  #wanted(): number {
    const ahead = this.#isFilling ? this.#target - this.#idle.length - this.#returning.size : 0;
    return this.#waiting.size + ahead - this.#opening;
  }

  async #open(): Promise<void> {
    try {
      const proven = await dial(this.#key);
      this.#keepSilent(proven);
      this.#failures = 0;
      this.#hungUpSinceMs = undefined;
    } catch (error) {
      this.#hearFailure(error);
    } finally {
      this.#opening -= 1;
      this.#refill();
    }
  }

  #hearFailure(error: unknown): void {
    if (this.#closed) return;
    if (error instanceof HungUp) {
      this.#hungUpSinceMs ??= performance.now();
      if (performance.now() - this.#hungUpSinceMs < this.#hungUpMaxMs) return this.#waitAWhile();
    } else {
      this.#failures += 1;
      if (this.#failures < failuresMax) return;
    }
    const reason = new QnError("LINK_REFUSED", "The guest's agent does not answer.", { cause: error });
    this.close(reason);
    this.onLost(reason);
  }

  #waitAWhile(): void {
    this.#pause ??= after(hungUpPauseMs, () => {
      this.#pause = undefined;
      this.#refill();
    });
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
    const isOnLane = this.#onLanes.has(connection);
    const idle = isOnLane ? this.#idleOnLanes : this.#idle;
    const mayBePort = idle.length >= (isOnLane ? this.#lanesForOwn : this.#keptForOwn);
    if (this.#waiting.serve(mayBePort, () => this.#handOut(connection))) return;
    if (!isOnLane && idle.length >= idleMax) return connection.reset();
    idle.push(connection);
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

// --- internal ---

function rankOf(open: Open["open"]): Rank {
  return laneStreams.includes(open) ? "port" : "own";
}
