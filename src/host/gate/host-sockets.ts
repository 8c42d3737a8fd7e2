/** Brings clients in the guest to sockets that programs of this machine listen on, as far as the settings let them. */
import { lstat } from "node:fs/promises";
import { messageOf } from "../../base/errors.ts";
import type { AgentMessage, HostMessage } from "../../protocol/messages.ts";
import type { Connection } from "../../system/net/connection.ts";
import { connectToNamed } from "../../system/net/named-socket.ts";
import { ownShares } from "./descriptor-shares.ts";
import type { Gateway } from "./gateway.ts";

/** What the guest says of a socket. */
type SocketAsked = Extract<AgentMessage, { type: "socket" }>;

/** What clients are brought to, and who hears of what is refused. */
export type HostSocketsOptions = {
  /** The settings' sockets. */
  readonly sockets: readonly { readonly name: string; readonly path: string }[];
  /** What to do for a socket that a container mounts; nothing for one of the settings, or in no mount. */
  readonly remedyFor: (path: string) => string | undefined;
  /** Tells a person, and the log. */
  readonly tell: (text: string) => void;
  readonly carriedMax?: number;
};

/**
 * So many are carried at once, of all sockets together: twice as many descriptors, which come out of what the ports
 * leave (descriptor-shares.ts).
 */
const usualCarriedMax = 128;

/** So many wait for their turn; the guest holds them, and what is here is a number each. */
const waitingMax = 1_024;

/** A person is told of so many sockets, and no more paths than that are looked at for it, whatever a guest says. */
const toldMax = 32;

/** The host's sockets for the guest of one boot. */
export class HostSockets {
  readonly #gateway: Gateway;
  readonly #options: HostSocketsOptions;
  readonly #carriedMax: number;
  readonly #waiting: (() => void)[] = [];
  readonly #told = new Set<string>();
  readonly #lookedAt = new Set<string>();
  #carried = 0;

  constructor(gateway: Gateway, options: HostSocketsOptions) {
    this.#gateway = gateway;
    this.#options = options;
    this.#carriedMax = options.carriedMax ?? Math.min(usualCarriedMax, Math.ceil(ownShares().clients / 4));
  }

  /** Takes what the guest says. `reply` refuses a client; one that is taken hears of it by its stream. */
  hear({ name, client }: SocketAsked, reply: (answer: HostMessage) => unknown): void {
    if (client === undefined) return void this.#tellOfMounted(name);
    const refuse = (): void => void reply({ type: "socket", refused: client });
    // The list is this machine's: whatever else the guest says leads nowhere.
    const socket = this.#options.sockets.find((each) => each.name === name);
    if (socket === undefined || this.#waiting.length >= waitingMax) return refuse();
    this.#waiting.push(() => void this.#bring(client, socket.path, refuse));
    this.#serveNext();
  }

  #serveNext(): void {
    if (this.#carried >= this.#carriedMax) return;
    const serve = this.#waiting.shift();
    if (serve === undefined) return;
    this.#carried += 1;
    serve();
  }

  async #bring(client: number, path: string, refuse: () => void): Promise<void> {
    const onDone = (): void => {
      this.#carried -= 1;
      this.#serveNext();
    };
    let server: Connection;
    try {
      server = await connectTo(path);
    } catch (error) {
      this.#tell(`A container cannot connect to the socket ${path}. ${messageOf(error)}`);
      refuse();
      return onDone();
    }
    await this.#gateway.carry(server, { open: "socket", client }, { isServer: true, onDone });
  }

  /** Nothing is opened at a path that a guest names; what a container has made there itself may look the same. */
  async #tellOfMounted(path: string): Promise<void> {
    const remedy = this.#options.remedyFor(path);
    if (remedy === undefined || this.#lookedAt.has(path) || this.#lookedAt.size >= toldMax) return;
    this.#lookedAt.add(path);
    if ((await lstat(path).catch(() => undefined))?.isSocket() === true) this.#tell(remedy);
  }

  /** Once each. */
  #tell(text: string): void {
    if (this.#told.has(text) || this.#told.size >= toldMax) return;
    this.#told.add(text);
    this.#options.tell(text);
  }
}

// --- internal ---

/**
 * Connects to the socket that its server has bound to this very name. A guest may write where the name is: it can put a
 * link there, or another socket of the user's, but none that was bound to the name. Throws what is wrong as a sentence.
 */
async function connectTo(path: string): Promise<Connection> {
  let named: Awaited<ReturnType<typeof connectToNamed>>;
  try {
    named = await connectToNamed(path);
  } catch (cause) {
    throw new Error("Nobody listens there.", { cause });
  }
  if (named.boundTo === path) return named.connection;
  named.connection.reset();
  const whose = named.boundTo === "" ? "another name" : `${named.boundTo}, which is the name to put into files.sockets`;
  throw new Error(`What listens there has bound its socket to ${whose}.`);
}
