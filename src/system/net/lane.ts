/**
 * The door to lanes: one connection after the other over a channel that itself can neither end a direction nor be
 * reset.
 */
import { Connection, type Handlers } from "./connection.ts";

/** A channel that is there for good, in both directions: a socket, or a device. `write` is false until `onDrain`. */
export type Line = {
  take(handlers: Handlers): void;
  write(bytes: Uint8Array): boolean;
  pause(): void;
  resume(): void;
  reset(): void;
};

/** What a frame is: bytes of a connection, or the turns of its life. */
const kinds = { data: 0, open: 1, end: 2, reset: 3 } as const;
type Kind = keyof typeof kinds;

/**
 * The head of a frame: kind (1 byte, one unused), number of the connection (2), length of the bytes (4), highest first.
 */
const headBytes = 8;
const frameBytesMax = 0xff_ff_ff;

/** Up to here head and bytes are written as one: the guest would take a head alone from a buffer of its own. */
const joinedBytesMax = 65_536;

/** The connections of a lane are told apart from those before, of which a last word may still be on its way. */
const numbers = 0x1_00_00;

/** How far one direction has come. */
type Direction = "open" | "end" | "reset";

/**
 * A line as one connection at a time. One side opens each of them, the other is told by `onConnection`. A connection is
 * over, and the lane free, once each side has said its last word: the end of its direction, or a reset.
 */
export class Lane {
  /** A connection that the other side has opened; its handlers are to be set within the same turn. */
  onConnection: (connection: Connection) => void = (connection) => connection.reset();
  /** The connection is over. */
  onFree: () => void = () => {};
  /** The line is gone, and with it the connection. */
  onClose: () => void = () => {};

  readonly #line: Line;
  #connection: Connection | undefined;
  #number = 0;
  /** The number of the last connection that is over. */
  #settled = 0;
  #sent: Direction = "reset";
  #heard: Direction = "reset";
  #isFull = false;
  #isPaused = false;
  #isTaking = false;
  #isClosed = false;
  /** What has come and is not taken apart: of a head, or while nobody reads. */
  #held: Uint8Array = new Uint8Array();
  /** The frame whose bytes are coming. */
  #frame: { readonly isOurs: boolean; missing: number } | undefined;

  constructor(line: Line) {
    this.#line = line;
    line.take({
      onData: (bytes) => {
        this.#held = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes]);
        this.#take();
      },
      onDrain: () => {
        this.#isFull = false;
        this.#connection?.flush();
      },
      onEnd: () => this.close(),
      onClose: () => this.#lose(),
    });
  }

  /** Whether a connection can be opened. */
  get isFree(): boolean {
    return !this.#isClosed && this.#sent !== "open" && this.#heard !== "open";
  }

  /** Opens a connection. The lane has to be free, and only one side of it ever opens. */
  open(): Connection {
    if (!this.isFree) throw new Error("The channel is not free.");
    this.#send("open", (this.#number + 1) % numbers);
    return this.#begin((this.#number + 1) % numbers);
  }

  /** Gives the line up; a connection on it breaks off. */
  close(): void {
    if (this.#isClosed) return;
    this.#line.reset();
    this.#lose();
  }

  #begin(number: number): Connection {
    this.#number = number;
    this.#sent = "open";
    this.#heard = "open";
    const isCurrent = (): boolean => this.#connection === connection;
    const connection: Connection = new Connection({
      remoteAddress: "",
      localAddress: "",
      write: (bytes) => (isCurrent() ? this.#write(bytes) : -1),
      shutdown: () => isCurrent() && this.#finish("end"),
      terminate: () => {
        if (!isCurrent()) return;
        // Also where the own direction has ended: the other side may have much to say still.
        this.#send("reset", this.#number);
        this.#sent = "reset";
        this.#drop(undefined);
        this.#settle();
      },
      pause: () => isCurrent() && this.#pause(),
      resume: () => isCurrent() && this.#resume(),
    });
    this.#connection = connection;
    return connection;
  }

  #write(bytes: Uint8Array): number {
    if (this.#isFull) return 0;
    const part = bytes.subarray(0, frameBytesMax);
    this.#send("data", this.#number, part);
    return part.length;
  }

  #send(kind: Kind, number: number, bytes: Uint8Array = new Uint8Array()): void {
    const joined = Math.min(bytes.length, joinedBytesMax);
    const first = Buffer.allocUnsafe(headBytes + joined);
    first.writeUInt16BE(kinds[kind] << 8, 0);
    first.writeUInt16BE(number, 2);
    first.writeUInt32BE(bytes.length, 4);
    first.set(bytes.subarray(0, joined), headBytes);
    const isTaken = this.#line.write(first);
    const isRestTaken = joined === bytes.length || this.#line.write(bytes.subarray(joined));
    if (!isTaken || !isRestTaken) this.#isFull = true;
  }

  /** Says the last word of the own direction. */
  #finish(how: "end" | "reset"): void {
    if (this.#sent !== "open") return;
    this.#sent = how;
    this.#send(how, this.#number);
    this.#settle();
  }

  #pause(): void {
    this.#isPaused = true;
    this.#line.pause();
  }

  #resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#take();
    if (!this.#isPaused) this.#line.resume();
  }

  /** Takes frames apart as long as somebody reads. */
  #take(): void {
    if (this.#isTaking) return;
    this.#isTaking = true;
    try {
      while (!this.#isPaused && !this.#isClosed && this.#takePart());
    } finally {
      this.#isTaking = false;
    }
  }

  /** One part of what is held; false when more has to come first. */
  #takePart(): boolean {
    const held = this.#held;
    if (this.#frame !== undefined) {
      if (held.length === 0) return false;
      const part = held.subarray(0, this.#frame.missing);
      this.#held = held.subarray(part.length);
      const { isOurs } = this.#frame;
      this.#frame.missing -= part.length;
      if (this.#frame.missing === 0) this.#frame = undefined;
      if (isOurs && this.#heard === "open") this.#connection?.hearData(part);
      return true;
    }
    if (held.length < headBytes) return false;
    const head = new DataView(held.buffer, held.byteOffset, headBytes);
    this.#held = held.subarray(headBytes);
    this.#hear(head.getUint8(0), head.getUint16(2), head.getUint32(4));
    return true;
  }

  #hear(kind: number, number: number, length: number): void {
    const isOurs = number === this.#number;
    if (kind === kinds.data && length > 0) this.#frame = { isOurs, missing: length };
    else if (kind === kinds.open && this.isFree) this.onConnection(this.#begin(number));
    else if (kind === kinds.end && isOurs && this.#heard === "open") this.#hearEnd();
    else if (kind === kinds.reset && isOurs && this.#heard !== "reset") this.#hearReset();
    // A last word of a connection that is over already may come late; anything else is not of ours.
    else if (kind !== kinds.end && kind !== kinds.reset) this.close();
  }

  #hearEnd(): void {
    this.#heard = "end";
    this.#connection?.hearEnd();
    this.#settle();
  }

  #hearReset(): void {
    this.#heard = "reset";
    this.#drop(brokenOff());
    this.#finish("reset");
    this.#settle();
  }

  /** Once both sides have said their last word. */
  #settle(): void {
    if (!this.isFree || this.#number === this.#settled) return;
    this.#settled = this.#number;
    this.#drop(undefined);
    this.onFree();
  }

  /** The connection is closed for whoever has it; what still comes for it is passed over. */
  #drop(error: Error | undefined): void {
    const connection = this.#connection;
    this.#connection = undefined;
    connection?.hearClose(error);
    this.#resume();
  }

  #lose(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#drop(brokenOff());
    this.onClose();
  }
}

// --- internal ---

function brokenOff(): Error {
  return Object.assign(new Error("The other side has reset the connection."), { code: "ECONNRESET" });
}
