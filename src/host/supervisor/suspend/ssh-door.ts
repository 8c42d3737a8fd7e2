/**
 * sshd's port of a VM that stands still when nobody uses it: it is the supervisor's own, and QEMU's forward is behind
 * it. So nobody is refused while one QEMU ends and the next one begins, and whoever comes is heard.
 */
import { messageOf } from "../../../base/errors.ts";
import { connect, type Connection, listen, type Listener } from "../../../system/net/connection.ts";
import { join } from "../../../system/net/join.ts";
import type { Gateway } from "../../gate/gateway.ts";
import type { Teller } from "../options.ts";

/**
 * Clients at once, those that wait for the guest to wake included: more than anybody's tools have, and few beside the
 * descriptors that the supervisor needs for Docker's. Any user of this machine can come, and sshd itself hangs up on
 * whoever does not log in (sshd_config(5), LoginGraceTime).
 */
const usualClientsMax = 128;

/** The door of one VM. */
export class SshDoor {
  readonly #gateway: Gateway;
  readonly #warn: (text: string) => void;
  readonly #log: (text: string) => void;
  readonly #clientsMax: number;
  #clients = 0;
  /** How many are connected to sshd. */
  connections = 0;
  #forwardPort = 0;
  #open: { readonly port: number; readonly listener: Listener } | undefined;

  constructor(gateway: Gateway, { warn, log }: Pick<Teller, "warn" | "log">, clientsMax: number = usualClientsMax) {
    this.#gateway = gateway;
    this.#clientsMax = clientsMax;
    this.#warn = warn;
    this.#log = log;
  }

  /** Where it listens. */
  get port(): number | undefined {
    return this.#open?.port;
  }

  /** Where QEMU forwards to sshd from now on. */
  leadTo(forwardPort: number): void {
    this.#forwardPort = forwardPort;
  }

  /** Listens at this port, and at no other one. */
  open(port: number): void {
    if (this.port === port) return;
    this.close();
    try {
      const listener = listen({ hostname: "127.0.0.1", port }, (client) => void this.#carry(client));
      this.#open = { port, listener };
    } catch (error) {
      this.#warn(`ssh does not reach the VM until it starts anew: port ${port} cannot be had. ${messageOf(error)}`);
    }
  }

  /** Listens no more; who is connected stays so. */
  close(): void {
    this.#open?.listener.close();
    this.#open = undefined;
  }

  /**
   * Carries a client to sshd, once the guest is awake where it is not: past the agent, since whoever looks for why that
   * is silent comes by this way. What passes is use; who is connected is asked about when nothing has passed for
   * long (idle.ts).
   */
  async #carry(client: Connection): Promise<void> {
    if (this.#clients >= this.#clientsMax) return client.reset();
    this.#clients += 1;
    const { idle } = this.#gateway;
    client.pause();
    // Nobody wakes, or keeps a place, for a client that has gone.
    const gone = new AbortController();
    client.take({ onClose: () => gone.abort() });
    const leave = idle.begin();
    try {
      if (this.#gateway.isResting) await this.#gateway.reach(gone.signal);
      const server = await connect({ hostname: "127.0.0.1", port: this.#forwardPort });
      this.connections += 1;
      const onDone = (): void => {
        this.connections -= 1;
        this.#clients -= 1;
      };
      join(client, server, { onBytes: () => this.#gateway.knock(), onDone });
    } catch (error) {
      this.#clients -= 1;
      if (!gone.signal.aborted) this.#log(`ssh: ${messageOf(error)}`);
      client.reset();
    } finally {
      leave();
    }
  }
}
