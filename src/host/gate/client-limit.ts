/** How many clients of ports are carried at once, in all and of each forward; the others wait in a line. */
import type { Connection } from "../../system/net/connection.ts";
import { type DescriptorShares, ownShares } from "./descriptor-shares.ts";

/**
 * As many as a server's load test has, and few enough that QEMU's slirp, which goes through all of its connections for
 * each packet, leaves Docker's own streams their time (decision D145).
 */
const usualLimits = ({ clients, waiting }: DescriptorShares): Limits => ({
  ofForward: 512,
  ofAll: Math.min(1_024, clients),
  waitingOfForward: 2_048,
  waitingOfAll: waiting,
  waitingBytes: 4 * 1024 ** 2,
});

/** The most clients that are carried, and that wait; and what those who wait have said, in bytes. */
export type Limits = {
  readonly ofForward: number;
  readonly ofAll: number;
  readonly waitingOfForward: number;
  readonly waitingOfAll: number;
  readonly waitingBytes: number;
};

/** Carries a client that has its place: `early` is what it has said while it waited; `leave` gives the place back. */
type Serve = (client: Connection, early: Uint8Array, leave: () => void) => void;

/** The places of one VM. */
export class ClientLimit {
  readonly #limits: Limits;
  #taken = 0;
  /** The forwards somebody waits for, each served in turn. */
  readonly #waitedFor = new Set<ForwardClients>();
  /** Those who wait, are read, and have said nothing yet; and how many bytes the others have said. */
  readonly #silent = new Set<Connection>();
  #waitingBytes = 0;
  /** How many wait, whatever they have said. */
  #waiting = 0;

  constructor(limits: Limits = usualLimits(ownShares())) {
    this.#limits = limits;
  }

  /** The places of one forward. */
  ofForward(serve: Serve): ForwardClients {
    return new ForwardClients(serve, this.#limits, this);
  }

  get hasRoom(): boolean {
    return this.#taken < this.#limits.ofAll;
  }

  get isLineFull(): boolean {
    return this.#waiting >= this.#limits.waitingOfAll;
  }

  /** To be called by a forward: one more is carried, one less, or somebody waits there. */
  take(): void {
    this.#taken += 1;
  }

  giveBack(): void {
    this.#taken -= 1;
    // Of now: a forward that is full itself goes on waiting.
    const forwards = [...this.#waitedFor];
    for (const forward of forwards) {
      if (!this.hasRoom) return;
      this.#waitedFor.delete(forward);
      forward.serveNext();
    }
  }

  waitFor(forward: ForwardClients): void {
    this.#waitedFor.add(forward);
  }

  /** To be called for a client that waits: it is read, or left alone until its turn where others have said enough. */
  listenTo(client: Connection): void {
    this.#waiting += 1;
    if (this.#waitingBytes < this.#limits.waitingBytes) this.#silent.add(client);
    else client.pause();
  }

  /** One of them has said so many bytes, and is read no more before its turn. */
  hear(client: Connection, bytes: number): void {
    client.pause();
    this.#silent.delete(client);
    this.#waitingBytes += bytes;
    if (this.#waitingBytes < this.#limits.waitingBytes) return;
    for (const other of this.#silent) other.pause();
    this.#silent.clear();
  }

  /** It waits no more. */
  forget(client: Connection, bytes: number): void {
    this.#waiting -= 1;
    this.#silent.delete(client);
    this.#waitingBytes -= bytes;
  }
}

/** The places of one forward's clients. */
class ForwardClients {
  readonly #serve: Serve;
  readonly #limits: Limits;
  readonly #all: ClientLimit;
  #taken = 0;
  readonly #waiting = new Map<Connection, { early: Uint8Array }>();

  constructor(serve: Serve, limits: Limits, all: ClientLimit) {
    this.#serve = serve;
    this.#limits = limits;
    this.#all = all;
  }

  /** Carries the client, now or in its turn; `onGone` is told instead when it goes before, or finds the line full. */
  admit(client: Connection, onGone: (reason?: string) => void): void {
    if (this.#hasRoom && this.#waiting.size === 0) return this.#carry(client, new Uint8Array());
    if (this.#waiting.size >= this.#limits.waitingOfForward || this.#all.isLineFull) {
      client.reset();
      return onGone("Too many clients wait for their turn already.");
    }
    this.#wait(client, onGone);
    this.#all.waitFor(this);
  }

  /** Carries those who wait, as far as there is room. */
  serveNext(): void {
    for (const [client, { early }] of this.#waiting) {
      if (!this.#hasRoom) return this.#all.waitFor(this);
      this.#waiting.delete(client);
      this.#all.forget(client, early.length);
      this.#carry(client, early);
    }
  }

  get #hasRoom(): boolean {
    return this.#taken < this.#limits.ofForward && this.#all.hasRoom;
  }

  #carry(client: Connection, early: Uint8Array): void {
    this.#taken += 1;
    this.#all.take();
    let isLeft = false;
    this.#serve(client, early, () => {
      if (isLeft) return;
      isLeft = true;
      this.#taken -= 1;
      this.#all.giveBack();
    });
  }

  /** Until its turn it is read as far as its first words, if at all: who ends without any has only gone away. */
  #wait(client: Connection, onGone: () => void): void {
    const waiter = { early: new Uint8Array() };
    this.#waiting.set(client, waiter);
    const leave = (): void => {
      if (!this.#waiting.delete(client)) return;
      this.#all.forget(client, waiter.early.length);
      client.reset();
      onGone();
    };
    client.take({
      onData: (bytes) => {
        waiter.early = Buffer.concat([waiter.early, bytes]);
        this.#all.hear(client, bytes.length);
      },
      onEnd: leave,
      onClose: leave,
    });
    this.#all.listenTo(client);
  }
}
