/** Opens and closes the host listeners of the published ports; one that cannot be opened never stops the others. */
import { messageOf } from "../../base/errors.ts";
import { newQueue } from "../../base/queue.ts";
import type { FailedPort, PublishedPort } from "../../protocol/messages.ts";
import type { Open } from "../../protocol/stream-request.ts";
import { turn } from "../../system/clock.ts";
import { listen } from "../../system/net/connection.ts";
import { listenForDatagrams } from "../../system/net/datagrams.ts";
import { isErrno } from "../../system/errno.ts";
import type { Gateway } from "../gate/gateway.ts";
import type { Listener } from "../gate/listener-limit.ts";
import {
  isAddress,
  isUnspecified,
  planListeners,
  ruleAgainst,
  type PortRules,
  type Served,
  type Wanted,
  wantedListeners,
} from "./listener-plan.ts";
import { type ListensAs, listensAs } from "./privileged.ts";
import { isTaken } from "./open-halves.ts";
import { DeniedPort, NoAddress, refusalText, UncarriedProtocol } from "./refusal.ts";
import { SecondTries } from "./second-tries.ts";
import { Flows } from "./udp.ts";

/** A forward: a host listener that serves a published port, or the reason why it cannot. */
export type Forward = {
  readonly protocol: PublishedPort["protocol"];
  readonly hostIp: string;
  readonly hostPort: number;
  serves: Served;
  listener: Listener | undefined;
  /** What listening failed with. */
  refused: unknown;
  /** The last error in words: why it does not listen, or why a client was turned away. */
  error: string | undefined;
  /** Connections that are open now, and bytes carried since the forward is there, both ways. */
  connections: number;
  bytes: number;
};

/** Where a forward listens. */
export type Listening = Pick<Forward, "protocol" | "hostIp" | "hostPort">;

/** What of the forwards has changed: which there are, or what they have carried. */
export type ForwardsChange = "forwards" | "counts";

/** How many listeners are opened in a row before whoever else waits for the loop has a turn. */
const openedPerTurn = 128;

/** How many ports that are taken have their owner looked up for each report: it takes some 10 ms each. */
const lookUpsMax = 16;

/** How many at once: each lists all sockets of the machine, and so do all reports of a guest that floods. */
const lookUpsAtOnce = 4;

/** The forwards of one VM. */
export class Forwards {
  readonly #gateway: Gateway;
  readonly #rules: PortRules;
  readonly #os: NodeJS.Platform;
  #forwards: Forward[] = [];
  readonly #inTurn = newQueue();
  readonly #taken = new SecondTries<Forward>((some) => this.#tryAgain(some));
  #isClosed = false;

  /** Told of each port that somebody else had, and that is open now. */
  onFreed: (forward: Readonly<Forward>) => void = () => {};

  /** Told when forwards may have come, gone or changed, and when one has carried something or turned a client away. */
  onChange: (what: ForwardsChange) => void = () => {};

  /**
   * Who of this same process has a place that cannot be listened on; the system does not tell one part from another.
   */
  ownHolder: (where: Listening) => string | undefined = () => undefined;

  constructor(gateway: Gateway, rules: PortRules, os: NodeJS.Platform = process.platform) {
    this.#gateway = gateway;
    this.#rules = rules;
    this.#os = os;
  }

  /**
   * Makes the listeners what the guest publishes now; those that failed before are tried again. Resolves to those that
   * cannot listen, and why; all others do by then.
   */
  async serve(published: readonly Served[]): Promise<readonly FailedPort[]> {
    // UDP sockets take a turn of the loop to open: one report after the other.
    await this.#inTurn(() => this.#listen(published));
    const failing = this.#forwards.filter(({ listener }) => listener === undefined);
    const failed: FailedPort[] = [];
    for (let index = 0; index < lookUpsMax; index += lookUpsAtOnce) {
      const some = failing.slice(index, Math.min(index + lookUpsAtOnce, lookUpsMax));
      failed.push(...(await Promise.all(some.map((forward) => failureOf(forward, this.ownHolder(forward), true)))));
    }
    for (const [index, forward] of failing.slice(lookUpsMax).entries()) {
      failed.push(await failureOf(forward, this.ownHolder(forward), false));
      if (index % openedPerTurn === openedPerTurn - 1) await turn();
    }
    this.#awaitTaken([]);
    this.onChange("forwards");
    return failed;
  }

  /** Every forward, for `qn ports`. */
  get all(): readonly Readonly<Forward>[] {
    return this.#forwards;
  }

  /** Closes every listener; streams that are open end with the guest. */
  close(): void {
    this.#isClosed = true;
    this.#taken.close();
    for (const forward of this.#forwards) forward.listener?.close();
    this.#forwards = [];
  }

  async #listen(published: readonly Served[]): Promise<void> {
    if (this.#isClosed) return;
    const working = this.#forwards.filter((forward) => forward.listener !== undefined);
    const { close, keep, open } = planListeners(wantedListeners(published, this.#rules.bind), working);
    for (const forward of close) forward.listener?.close();
    for (const [forward, wanted] of keep) forward.serves = wanted.serves;
    const opened: Forward[] = [];
    for (let index = 0; index < open.length && !this.#isClosed; index += openedPerTurn) {
      if (index > 0) await turn();
      const some = open.slice(index, index + openedPerTurn);
      opened.push(...(await Promise.all(some.map((wanted) => this.#open(wanted)))));
    }
    this.#forwards = [...keep.map(([forward]) => forward), ...opened.filter((forward) => !isNeedless(forward))];
    // Closed meanwhile: what was closed then is closed again, which does no harm.
    if (this.#isClosed) this.close();
  }

  /** Those that somebody else has are tried again, `tried` after all others. */
  #awaitTaken(tried: readonly Forward[]): void {
    if (this.#isClosed) return;
    const taken = this.#forwards.filter(isTaken);
    this.#taken.wait([
      ...taken.filter((each) => !tried.includes(each)),
      ...taken.filter((each) => tried.includes(each)),
    ]);
  }

  async #tryAgain(some: readonly Forward[]): Promise<void> {
    const freed = await this.#inTurn(() => this.#openFreed(some));
    if (this.#isClosed) return;
    this.#awaitTaken(some);
    if (freed.length === 0) return;
    for (const forward of freed) this.onFreed(forward);
    this.onChange("forwards");
  }

  /** Opens those of them that are still wanted and are free by now, each in the place of the one that failed. */
  async #openFreed(some: readonly Forward[]): Promise<readonly Forward[]> {
    const freed: Forward[] = [];
    for (const failed of some.filter((each) => this.#forwards.includes(each))) {
      const forward = await this.#open(failed);
      if (forward.listener === undefined) continue;
      this.#forwards = this.#forwards.with(this.#forwards.indexOf(failed), forward);
      freed.push(forward);
      if (this.#isClosed) forward.listener.close();
    }
    return freed;
  }

  async #open({ protocol, hostIp, hostPort, serves }: Wanted): Promise<Forward> {
    const forward: Forward = {
      protocol,
      hostIp,
      hostPort,
      serves,
      listener: undefined,
      refused: undefined,
      error: undefined,
      connections: 0,
      bytes: 0,
    };
    try {
      if (!isAddress(hostIp)) throw new NoAddress();
      const rule = ruleAgainst(forward, this.#rules);
      if (rule !== undefined) throw new DeniedPort(rule);
      const as = listensAs(forward, this.#os);
      const onCount = (): void => this.onChange("counts");
      forward.listener = await this.#gateway.listeners.open(() =>
        listeners[protocol](forward, as, this.#gateway, onCount),
      );
    } catch (error) {
      forward.refused = error;
      forward.error = messageOf(error);
    }
    return forward;
  }
}

// --- internal ---

/** What changes while a forward is at work. */
type Counted = "connections" | "bytes" | "error";

/** How each protocol is listened on. */
const listeners: Record<
  PublishedPort["protocol"],
  (forward: Forward, as: ListensAs, gateway: Gateway, onCount: () => void) => Listener | Promise<Listener>
> = {
  tcp: listenTcp,
  udp: listenUdp,
  sctp: () => {
    throw new UncarriedProtocol("SCTP cannot be forwarded: the way between host and guest carries TCP and UDP");
  },
};

function listenTcp(forward: Forward, { address, admits }: ListensAs, gateway: Gateway, onCount: () => void): Listener {
  const count = countOn(forward, onCount);
  const onBytes = (fromClient: number, fromGuest: number): void => count({ bytes: fromClient + fromGuest });
  const places = gateway.clients.ofForward((client, early, leave) => {
    const onDone = (): void => {
      count({ connections: -1 });
      leave();
    };
    void gateway.carry(
      client,
      openOf("tcp", forward),
      { onBytes, onRefused: (error) => count({ error }), onDone },
      early,
    );
  });
  return listen({ hostname: address, port: forward.hostPort }, (client) => {
    if (!admits(client.remoteAddress, client.localAddress)) return client.reset();
    count({ connections: 1 });
    places.admit(client, (error) => count({ connections: -1, ...(error !== undefined && { error }) }));
  });
}

async function listenUdp(
  forward: Forward,
  { address, admits }: ListensAs,
  gateway: Gateway,
  onCount: () => void,
): Promise<Listener> {
  const count = countOn(forward, onCount);
  const flows = new Flows({
    gateway,
    open: () => openOf("udp", forward),
    answer: (payload, client) => socket.send(payload, client),
    onBytes: (bytes) => count({ bytes }),
    onCount: (flows) => count({ connections: flows - forward.connections }),
    onRefused: (error) => count({ error }),
  });
  const socket = await listenForDatagrams({ hostname: address, port: forward.hostPort }, (payload, client) => {
    if (admits(client.hostname, undefined)) flows.take(payload, client);
  });
  return {
    close: () => {
      flows.close();
      socket.close();
    },
  };
}

/** Counts what a forward carries, and tells of it. */
function countOn(forward: Forward, onCount: () => void) {
  return ({ connections = 0, bytes = 0, error = forward.error }: Partial<Pick<Forward, Counted>>): void => {
    forward.connections += connections;
    forward.bytes += bytes;
    forward.error = error;
    onCount();
  };
}

/** The port as the guest knows it: the address that was published, not the one that is listened on. */
function openOf(protocol: "tcp" | "udp", { serves }: Forward): Exclude<Open, { open: "control" }> {
  const { hostIp, hostPort, guestPort } = serves;
  if (guestPort !== undefined) return { open: "guest", protocol, port: guestPort };
  return { open: "port", protocol, hostIp, hostPort };
}

/** A machine without IPv6 has no ::1. A port that names no address is whole there on IPv4 alone. */
function isNeedless({ hostIp, serves, refused }: Forward): boolean {
  const hasNoSuchFamily = isErrno(refused, "EADDRNOTAVAIL") || isErrno(refused, "EAFNOSUPPORT");
  return isUnspecified(serves.hostIp) && hostIp.includes(":") && hasNoSuchFamily;
}

async function failureOf(forward: Forward, own: string | undefined, lookUp: boolean): Promise<FailedPort> {
  const { hostPort, serves, refused } = forward;
  const isOwn = own !== undefined && isErrno(refused, "EADDRINUSE");
  const reason = isOwn
    ? `Port ${hostPort} on ${forward.hostIp} is taken by ${own}.`
    : await refusalText(forward, refused, lookUp);
  forward.error = reason;
  return { protocol: serves.protocol, hostIp: serves.hostIp, hostPort, reason };
}
