/** The gate: the agent's one TCP door. Whoever proves the boot's secret may open streams; all others are hung up on. */
import { randomBytes } from "node:crypto";
import { messageOf, QnError } from "../../base/errors.ts";
import { encode, LineReader } from "../../protocol/frame.ts";
import { confirm, handshakeLineBytesMax, secretBytes } from "../../protocol/handshake.ts";
import { type Open, type OpenOnward, parseOpen, type Ready } from "../../protocol/stream-request.ts";
import type { MountSocket } from "../../protocol/mount-sockets.ts";
import { pieces } from "../../protocol/piece.ts";
import { carry } from "../../system/net/carry.ts";
import { pause, within } from "../../system/clock.ts";
import { type Address, connect, type Connection, listen, type Listener } from "../../system/net/connection.ts";
import { isErrno } from "../../system/errno.ts";
import { type Lines, linesOf } from "../../system/net/lines.ts";
import { carryDatagrams } from "./datagrams.ts";

/**
 * How long a caller may take to prove itself: long on an emulated guest's clock, short for somebody who only knocks.
 */
const usualDeadlineMs = 20_000;

/**
 * Callers that have not proven themselves yet. One more, and the one who has been silent longest is hung up on: so
 * knocking cannot fill the memory, and whoever holds all places keeps nobody out who can prove himself.
 */
const unprovenMax = 64;

/** What the gate needs: the secret, where streams go, and who takes the control connection. */
export type GateOptions = {
  readonly secret: Uint8Array;
  readonly address: Address;
  /** Where the stream that was asked for leads. Throws a QnError with the reason when there is no such place. */
  readonly addressOf: (open: OpenOnward) => Address;
  /** Whether what listens there may be just starting: then a stream waits until it does. */
  readonly isStarting?: (open: OpenOnward) => boolean;
  /** Is waited for before a stream to a container's port is joined to it. */
  readonly beforePort?: () => Promise<void>;
  /** Takes a control connection over; it is paused, and `early` are the bytes that came with the request. */
  readonly onControl: (connection: Connection, early: Uint8Array) => void;
  /** The client in the guest that waits for one of the host's sockets. Throws a QnError when it has gone. */
  readonly takeClient?: (client: number) => Connection;
  /** Connects to a socket of a container's in a mount. Throws the reason when there is none. */
  readonly reachMountSocket?: (socket: MountSocket) => Promise<Connection>;
  /** Takes the stream over on which the host answers DNS, in the same way. */
  readonly onNames: (connection: Connection, early: Uint8Array) => void;
  /** How long a caller may take to prove itself; 20 s unless given. */
  readonly handshakeDeadlineMs?: number;
};

/**
 * The gate: it takes what comes to its address, and what comes in another way, as on a lane. `hangUp` ends every
 * connection but those that were given away as control connections.
 */
export type Gate = Listener & { admit(connection: Connection): void; hangUp(): void };

/** Opens the gate. Throws the system's error when the port is taken. */
export function openGate(options: GateOptions): Gate {
  /** In the order in which they came. */
  const unproven = new Set<Connection>();
  const open = new Set<Connection>();
  const onControl: GateOptions["onControl"] = (connection, early) => {
    open.delete(connection);
    options.onControl(connection, early);
  };
  const take = (connection: Connection): void => {
    const [oldest] = unproven;
    if (unproven.size >= unprovenMax && oldest !== undefined) {
      unproven.delete(oldest);
      oldest.reset();
    }
    unproven.add(connection);
    // Whoever owns one is told of its end, and nobody else: those that are gone are dropped with the next that comes.
    for (const each of open) if (each.isClosed) open.delete(each);
    open.add(connection);
    admit(connection, { ...options, onControl }, () => unproven.delete(connection)).catch(() => connection.reset());
  };
  const hangUp = (): void => {
    for (const connection of open) connection.reset();
    open.clear();
  };
  return { ...listen(options.address, take), admit: take, hangUp };
}

// --- internal ---

async function admit(connection: Connection, options: GateOptions, onSettled: () => void): Promise<void> {
  const lines = linesOf(connection, new LineReader(handshakeLineBytesMax));
  try {
    const nonce = randomBytes(secretBytes).toString("hex");
    connection.write(encode({ qn: 1, nonce }));
    const answer = await within(
      lines.next(),
      options.handshakeDeadlineMs ?? usualDeadlineMs,
      () => new QnError("LINK_REFUSED", "The caller did not prove itself in time."),
    );
    connection.write(encode(confirm(answer, options.secret, nonce)));
  } finally {
    onSettled();
  }
  await serve(connection, lines, options);
}

/** Becomes what is asked for; a stream that has ended in both directions may be followed by another request. */
async function serve(connection: Connection, lines: Lines, options: GateOptions): Promise<void> {
  const request = askedFor(await lines.next(), connection);
  if (request === undefined) return;
  const early = lines.release();
  if (request.open === "control") return options.onControl(connection, early);
  if (request.open === "names") return options.onNames(connection, early);
  const { reuse = false, ...target } = request;
  const again = (rest: Uint8Array): void => {
    // The host asks only once it has been told that it may: this came from nobody who keeps to that.
    if (rest.length > 0) return connection.reset();
    const next = linesOf(connection, new LineReader(handshakeLineBytesMax));
    connection.write(encode({ ready: true } satisfies Ready));
    serve(connection, next, options).catch(() => connection.reset());
  };
  const keeper = reuse ? again : undefined;
  if (target.open === "socket") {
    return await carryStream(connection, early, { reach: () => clientOf(target.client, options) }, keeper);
  }
  if (target.open === "mount-socket") {
    const reach = () => containersSocket(target, options);
    return await carryStream(connection, early, { reach, isServer: true }, keeper);
  }
  const addressOf = (): Address => options.addressOf(target);
  const isStarting = (): boolean => options.isStarting?.(target) === true;
  if ("protocol" in target && target.protocol === "udp") return await carryDatagrams(connection, early, addressOf);
  if (target.open === "port") await options.beforePort?.();
  const reach = () => connectOnward({ addressOf, isStarting });
  await carryStream(connection, early, { reach, isServer: true }, keeper);
}

/** What the caller asks for. A stream that this agent does not know is refused in words: the host may be newer. */
function askedFor(line: string, connection: Connection): Open | undefined {
  try {
    return parseOpen(line);
  } catch (error) {
    if (!line.startsWith('{"open":"')) throw error;
    connection.write(encode({ ok: false, reason: messageOf(error) }));
    connection.end();
    return undefined;
  }
}

/** Where one stream leads that is opened in the guest. */
type Onward = { readonly addressOf: () => Address; readonly isStarting: () => boolean };

/** Between two tries to reach what is just starting: no kernel tells when somebody listens in a container's network. */
const retryMs = 10;

/** Connects, and to what is just starting as soon as it listens. Throws the system's error when nobody does. */
async function connectOnward({ addressOf, isStarting }: Onward): Promise<Connection> {
  for (;;) {
    try {
      return await connect(addressOf());
    } catch (error) {
      if (!isErrno(error, "ECONNREFUSED") || !isStarting()) throw error;
    }
    await pause(retryMs);
  }
}

/** The client that a stream of the host's own is for. Throws a QnError when nobody waits. */
function clientOf(client: number, { takeClient }: GateOptions): Connection {
  if (takeClient === undefined) throw new QnError("LINK_REFUSED", "Nobody waits for a socket of the host.");
  return takeClient(client);
}

/** A container's socket in a mount. Throws why there is none. */
async function containersSocket(socket: MountSocket, { reachMountSocket }: GateOptions): Promise<Connection> {
  if (reachMountSocket === undefined) throw new QnError("LINK_REFUSED", "There are no mounts.");
  return await reachMountSocket(socket);
}

/** The guest's end of a stream: how it is reached, and whether it is a server's (system/net/carry.ts). */
type GuestEnd = { readonly reach: () => Connection | Promise<Connection>; readonly isServer?: boolean };

/**
 * Joins the caller's connection to the guest's end, or answers why not and ends. `again` takes the connection at the
 * end.
 */
async function carryStream(
  caller: Connection,
  early: Uint8Array,
  { reach, isServer = false }: GuestEnd,
  again: ((rest: Uint8Array) => void) | undefined,
): Promise<void> {
  let target: Connection;
  try {
    target = await reach();
  } catch (error) {
    caller.write(encode({ ok: false, reason: messageOf(error) }));
    caller.end();
    return;
  }
  if (caller.isClosed) return target.reset();
  caller.write(encode(again === undefined ? { ok: true } : { ok: true, reuse: true }));
  carry(target, caller, pieces, { keeper: () => again, isServer })(early);
  target.resume();
  caller.resume();
}
