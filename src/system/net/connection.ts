/** The door to byte streams: one connection over TCP or a Unix socket, with backpressure, half-close and reset. */
import type { Socket, TCPSocketListener, UnixSocketListener } from "bun";
import { isThere } from "../files.ts";
import { ownersFilesMask, withMask } from "../kernel/umask.ts";

/** Where a connection goes, or a listener listens. */
export type Address = { readonly unix: string } | { readonly hostname: string; readonly port: number };

/**
 * A listener that was opened. `port` is the TCP port that it got, 0 for a Unix socket; `fd` is its descriptor. `close`
 * ends the listening and leaves its connections alone; `closeAll` drops those too.
 */
export type Listener = { readonly port: number; readonly fd?: number; close(): void; closeAll(): void };

/**
 * What carries a connection's bytes: a socket of Bun's, or a lane. `write` says how many it takes, less than none for
 * none ever again.
 */
export type Channel = {
  readonly remoteAddress: string;
  readonly localAddress: string;
  /** The descriptor of a socket. */
  readonly fd?: number;
  write(bytes: Uint8Array): number;
  /** Ends this direction. */
  shutdown(): unknown;
  /** Drops both directions at once. */
  terminate(): void;
  pause(): unknown;
  resume(): unknown;
};

/** What whoever has a connection is told of it; of what is left out nobody is told. */
export type Handlers = {
  readonly onData?: (bytes: Uint8Array) => void;
  /** The other side has ended its direction (FIN); this direction still works. */
  readonly onEnd?: () => void;
  /** The connection is gone, with an error when it was reset or broke. */
  readonly onClose?: (error: Error | undefined) => void;
  /** All that waited is sent: more may be written. */
  readonly onDrain?: () => void;
};

/**
 * One byte stream. It has one owner at a time, and another one as its use changes: first lines, then raw bytes. Bytes
 * that the kernel does not take at once wait here, in order; `write` says so, and whoever feeds it stops reading until
 * `onDrain`.
 */
export class Connection {
  isClosed = false;

  readonly #channel: Channel;
  #handlers: Handlers = {};
  #waiting: Uint8Array[] = [];
  /** What waits, each piece with what it costs beside its bytes; how much may, and who is told when it is more. */
  #waitingBytes = 0;
  #unread = { bytesMax: Number.POSITIVE_INFINITY, onOverflow: () => {} };
  #ending = false;
  #isBroken = false;

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  /** Makes it somebody's: none of the handlers of whoever had it before is called any more. */
  take(handlers: Handlers): void {
    this.#handlers = handlers;
  }

  /** Replaces some of its owner's handlers, and leaves the others. */
  amend(handlers: Handlers): void {
    this.#handlers = { ...this.#handlers, ...handlers };
  }

  /** Sends bytes in order. False when some wait for the kernel: stop feeding until `onDrain`. */
  write(bytes: Uint8Array | string): boolean {
    if (this.isClosed || this.#ending) return true;
    const chunk = typeof bytes === "string" ? Buffer.from(bytes) : bytes;
    if (this.#waiting.length > 0) return this.#keep(chunk);
    const written = this.#send(chunk);
    return written === chunk.length ? true : this.#keep(chunk.subarray(written));
  }

  /**
   * Bounds what waits for the other side to read, for whoever writes without waiting for `onDrain`. Past `bytesMax` all
   * of it is dropped, and `onOverflow` told once, after the write that was too much.
   */
  limitUnread(bytesMax: number, onOverflow: () => void): void {
    this.#unread = { bytesMax, onOverflow };
  }

  /** Ends this direction once everything is sent; the other direction goes on. */
  end(): void {
    if (this.isClosed || this.#ending) return;
    this.#ending = true;
    if (this.#waiting.length === 0) this.#channel.shutdown();
  }

  /** Drops the connection at once; the other side sees a reset. */
  reset(): void {
    if (this.isClosed) return;
    this.#drop();
    this.#channel.terminate();
  }

  /** Stops reading, so that the kernel's flow control reaches the sender. */
  pause(): void {
    if (!this.isClosed) this.#channel.pause();
  }

  resume(): void {
    if (!this.isClosed) this.#channel.resume();
  }

  /** The address of the other side, for TCP. */
  get remoteAddress(): string {
    return this.#channel.remoteAddress;
  }

  /** The address of this side, for TCP: where the other side reached it. */
  get localAddress(): string {
    return this.#channel.localAddress;
  }

  /** Its descriptor, for a socket. */
  get descriptor(): number | undefined {
    return this.#channel.fd;
  }

  /** Called by the channel: bytes have come. */
  hearData(bytes: Uint8Array): void {
    this.#handlers.onData?.(bytes);
  }

  /** Called by the channel: the kernel takes bytes again. */
  flush(): void {
    while (this.#waiting.length > 0) {
      const chunk = this.#waiting[0] ?? new Uint8Array();
      const written = this.#send(chunk);
      if (written < chunk.length) {
        this.#waiting[0] = chunk.subarray(written);
        this.#waitingBytes -= written;
        return;
      }
      this.#waiting.shift();
      this.#waitingBytes -= costOf(chunk);
    }
    if (this.#ending) this.#channel.shutdown();
    else this.#handlers.onDrain?.();
  }

  /** Called by the channel: the other side has ended its direction. */
  hearEnd(): void {
    if (!this.#isBroken) this.#handlers.onEnd?.();
  }

  /** Called by the channel: the channel is gone. */
  hearClose(error: Error | undefined): void {
    this.isClosed = true;
    this.#handlers.onClose?.(error ?? (this.#isBroken ? resetByOther() : undefined));
  }

  #keep(chunk: Uint8Array): false {
    const { bytesMax, onOverflow } = this.#unread;
    this.#waiting.push(chunk);
    this.#waitingBytes += costOf(chunk);
    if (this.#waitingBytes > bytesMax) {
      // Half of it would be nonsense to whoever reads it later: nothing more is sent.
      this.#drop();
      this.#ending = true;
      queueMicrotask(onOverflow);
    }
    return false;
  }

  #drop(): void {
    this.#waiting = [];
    this.#waitingBytes = 0;
  }

  /**
   * How many bytes the kernel takes. A write that fails takes the socket's error with it: Bun then tells of an end and
   * a close without error, or of nothing while the socket is paused, though the other side has reset it.
   */
  #send(chunk: Uint8Array): number {
    const written = this.#channel.write(chunk);
    if (written >= 0) return written;
    if (!this.#isBroken) queueMicrotask(() => this.reset());
    this.#isBroken = true;
    return chunk.length;
  }
}

/** True when somebody takes connections at this Unix socket. */
export async function isListenedAt(socketPath: string): Promise<boolean> {
  if (!(await isThere(socketPath))) return false;
  try {
    (await connect({ unix: socketPath })).reset();
    return true;
  } catch {
    return false;
  }
}

/** Opens a connection. Throws the system's error (`code` is its errno name) when the other side is not there. */
export async function connect(address: Address): Promise<Connection> {
  let opened: Connection | undefined;
  const handlers = handlersWith((connection) => (opened = connection));
  const socket =
    "unix" in address
      ? await Bun.connect<Connection>({ ...address, allowHalfOpen: true, socket: handlers })
      : await Bun.connect<Connection>({ ...address, allowHalfOpen: true, socket: handlers });
  return opened ?? adopt(socket);
}

/**
 * Listens; `onConnection` gets each connection, paused until it sets its handlers within the same turn. Throws the
 * system's error when the address is taken. A Unix socket is its owner's alone (0600). `fd` is a socket
 * that listens already.
 */
export function listen(
  address: Address | { readonly fd: number },
  onConnection: (connection: Connection) => void,
): Listener {
  const handlers = handlersWith(onConnection);
  const listener: TCPSocketListener<Connection> | UnixSocketListener<Connection> =
    "fd" in address
      ? Bun.listen<Connection>({ ...address, hostname: "", port: 0, allowHalfOpen: true, socket: handlers })
      : "unix" in address
        ? withMask(ownersFilesMask, () => Bun.listen<Connection>({ ...address, allowHalfOpen: true, socket: handlers }))
        : Bun.listen<Connection>({ ...address, ...aloneThere, allowHalfOpen: true, socket: handlers });
  return {
    port: "port" in listener ? listener.port : 0,
    ...("fd" in listener && typeof listener.fd === "number" && { fd: listener.fd }),
    close: () => listener.stop(false),
    closeAll: () => listener.stop(true),
  };
}

// --- internal ---

/** What a piece that waits costs: many short ones take more memory than their bytes. */
function costOf(chunk: Uint8Array): number {
  return chunk.length + 256;
}

/** The error of a reset that the system has told to a write and to nobody else. */
function resetByOther(): Error {
  return Object.assign(new Error("The other side has reset the connection."), { code: "ECONNRESET" });
}

/**
 * Nobody else at the same place; and "::" is every IPv6 address only, so that 0.0.0.0 of the same port fits beside it.
 */
const aloneThere = { exclusive: true, ipv6Only: true };

function adopt(socket: Socket<Connection>): Connection {
  const connection = new Connection(socket);
  socket.data = connection;
  return connection;
}

function handlersWith(onOpen: (connection: Connection) => void) {
  return {
    open(socket: Socket<Connection>) {
      // Streams of small messages (exec, logs) must not wait for Nagle's algorithm (RFC 896) to fill a segment.
      socket.setNoDelay(true);
      // At the system's own pace, some two hours (tcp(7)): whoever is there answers, and a stream may be silent for
      // ever; one whose other end has vanished, such as a machine that was switched off, is let go of at last.
      socket.setKeepAlive(true, 0);
      onOpen(adopt(socket));
    },
    data(socket: Socket<Connection>, bytes: Buffer) {
      socket.data.hearData(bytes);
    },
    drain(socket: Socket<Connection>) {
      socket.data.flush();
    },
    end(socket: Socket<Connection>) {
      socket.data.hearEnd();
    },
    close(socket: Socket<Connection>, error?: Error) {
      socket.data.hearClose(error);
    },
    error() {
      // The close handler follows and carries the same error.
    },
  };
}
