/** Opens and closes the host listeners of the published ports; one that cannot be opened never stops the others. */
import { messageOf } from "../../base/errors.ts";
import type { PublishedPort } from "../../protocol/messages.ts";
import { listen, type Listener } from "../../system/connection.ts";
import type { Gateway } from "../gate/gateway.ts";
import { type Bind, planListeners, type Wanted, wantedListeners } from "./plan.ts";

/** A forward: a host listener that serves a published port, or the reason why it cannot. */
export type Forward = {
  readonly protocol: PublishedPort["protocol"];
  readonly hostIp: string;
  readonly hostPort: number;
  serves: PublishedPort;
  listener: Listener | undefined;
  error: string | undefined;
  /** Connections that are open now, and bytes carried since the forward is there, both ways. */
  connections: number;
  bytes: number;
};

/** The forwards of one VM. */
export class Forwards {
  readonly #gateway: Gateway;
  readonly #bind: Bind;
  readonly #onTrouble: (text: string) => void;
  #forwards: Forward[] = [];

  constructor(gateway: Gateway, bind: Bind, onTrouble: (text: string) => void) {
    this.#gateway = gateway;
    this.#bind = bind;
    this.#onTrouble = onTrouble;
  }

  /** Makes the listeners what the guest publishes now. Those that failed before are tried again. */
  serve(published: readonly PublishedPort[]): void {
    const working = this.#forwards.filter((forward) => forward.listener !== undefined);
    const { close, keep, open } = planListeners(wantedListeners(published, this.#bind), working);
    for (const forward of close) forward.listener?.close();
    for (const [forward, wanted] of keep) forward.serves = wanted.serves;
    this.#forwards = [...keep.map(([forward]) => forward), ...open.map((wanted) => this.#open(wanted))];
  }

  /** Every forward, for `qn ports`. */
  get all(): readonly Readonly<Forward>[] {
    return this.#forwards;
  }

  /** Closes every listener; streams that are open end with the guest. */
  close(): void {
    this.serve([]);
  }

  #open({ protocol, hostIp, hostPort, serves }: Wanted): Forward {
    const forward: Forward = {
      protocol,
      hostIp,
      hostPort,
      serves,
      listener: undefined,
      error: undefined,
      connections: 0,
      bytes: 0,
    };
    if (protocol !== "tcp") {
      forward.error = `${protocol.toUpperCase()} ports are not forwarded.`;
      return forward;
    }
    try {
      forward.listener = listen({ hostname: hostIp, port: hostPort }, (client) => {
        forward.connections += 1;
        const { hostIp: publishedIp, hostPort: publishedPort } = forward.serves;
        void this.#gateway.carry(
          client,
          { open: "port", protocol, hostIp: publishedIp, hostPort: publishedPort },
          {
            onBytes: (fromClient, fromGuest) => (forward.bytes += fromClient + fromGuest),
            onRefused: (reason) => {
              forward.error = reason;
            },
            onDone: () => (forward.connections -= 1),
          },
        );
      });
    } catch (error) {
      forward.error = `Port ${hostPort} on ${hostIp} cannot be opened: ${messageOf(error)}.`;
      this.#onTrouble(`${serves.container}: ${forward.error}`);
    }
    return forward;
  }
}
