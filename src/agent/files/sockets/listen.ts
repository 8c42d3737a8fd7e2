/** The guest's end of the host's sockets: a listener for each, whose clients wait until the host brings them on. */
import { chmodSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { QnError } from "../../../base/errors.ts";
import type { GuestSocket } from "../../../protocol/host-sockets.ts";
import { after, type Timer } from "../../../system/clock.ts";
import { storeDescriptor } from "../../../system/kernel/descriptors.ts";
import { inheritedSocket } from "../../../system/kernel/socket-activation.ts";
import { type Connection, listen, type Listener } from "../../../system/net/connection.ts";
import type { HostLink } from "../../link/link.ts";

/** Clients that wait for the host at once; one more is hung up on, as by a server whose line is full. */
const waitingMax = 512;

/** How long the host may take; it has a line of its own, so that a client may come late and not fail. */
const usualPatienceMs = 20_000;

/** Everybody may connect in whose container it is mounted: the images' users have numbers of their own. */
const everybody = 0o666;

/** Whom clients are asked of. */
type Asking = Pick<HostLink, "askSocket" | "onSocketRefused">;

/** A client that waits. */
type Client = { readonly connection: Connection; readonly patience: Timer };

/** The listeners of one agent. */
export class SocketListeners {
  readonly #link: Asking;
  readonly #patienceMs: number;
  readonly #waiting = new Map<number, Client>();
  readonly #listeners: Listener[] = [];
  #lastClient = 0;

  constructor(link: Asking, patienceMs: number = usualPatienceMs) {
    this.#link = link;
    this.#patienceMs = patienceMs;
    link.onSocketRefused = (client) => this.#settle(client)?.reset();
  }

  /**
   * Listens for each of these in `folder`, which is root's alone, and gives back where: containers see what is mounted
   * from there. systemd keeps the sockets for the agent after this one, so that a container goes on with its own.
   * Throws the system's error.
   */
  listen(sockets: readonly GuestSocket[], folder: string): readonly string[] {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return sockets.map(({ name }, index) => {
      const path = `${folder}/${index}`;
      const take = (connection: Connection): void => this.#admit(connection, name);
      const kept = keptSocket(index);
      this.#listeners.push(kept === undefined ? listenAnew(path, index, take) : listen({ fd: kept }, take));
      return path;
    });
  }

  /** The client of that number, for the stream that the host has opened to it. Throws LINK_REFUSED when it has gone. */
  take(client: number): Connection {
    const connection = this.#settle(client);
    if (connection === undefined || connection.isClosed) {
      throw new QnError("LINK_REFUSED", "The client has gone.");
    }
    return connection;
  }

  close(): void {
    for (const listener of this.#listeners) listener.closeAll();
    for (const client of this.#waiting.keys()) this.#settle(client);
  }

  #admit(connection: Connection, name: string): void {
    if (this.#waiting.size >= waitingMax) return connection.reset();
    this.#lastClient += 1;
    const client = this.#lastClient;
    const patience = after(this.#patienceMs, () => this.#settle(client)?.reset());
    this.#waiting.set(client, { connection, patience });
    connection.pause();
    connection.take({ onClose: () => this.#settle(client) });
    // The next host would know nothing of it.
    if (!this.#link.askSocket(name, client)) this.#settle(client)?.reset();
  }

  /** Waits for it no more. */
  #settle(client: number): Connection | undefined {
    const waiting = this.#waiting.get(client);
    this.#waiting.delete(client);
    waiting?.patience.cancel();
    return waiting?.connection;
  }
}

/** The socket of that number that an agent before has made, and systemd has kept. */
export function keptSocket(index: number): number | undefined {
  return inheritedSocket(nameOfKept(index));
}

// --- internal ---

const nameOfKept = (index: number): string => `qn-host-socket-${index}`;

function listenAnew(path: string, index: number, take: (connection: Connection) => void): Listener {
  // Bun takes the name away that it has given when it listens no more: not the one by which the next agent shows it.
  const unfinished = `${path}~`;
  for (const stale of [unfinished, path]) rmSync(stale, { force: true });
  const listener = listen({ unix: unfinished }, take);
  chmodSync(unfinished, everybody);
  renameSync(unfinished, path);
  if (listener.fd !== undefined) storeDescriptor(nameOfKept(index), listener.fd);
  return listener;
}
