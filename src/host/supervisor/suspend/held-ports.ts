/** The ports of a guest that is asleep, held for it: nobody else gets them, and who connects to sshd's wakes it. */
import { messageOf } from "../../../base/errors.ts";
import { connect, type Connection, listen, type Listener } from "../../../system/net/connection.ts";
import { join } from "../../../system/net/join.ts";
import type { Gateway } from "../../gate/gateway.ts";
import type { BootRecord } from "../boot/boot.ts";

/** The ports of one boot. */
export type Ports = Pick<BootRecord, "sshPort" | "gatePort">;

/** Those of one VM. */
export class HeldPorts {
  readonly #gateway: Gateway;
  readonly #current: () => Ports | undefined;
  readonly #log: (text: string) => void;
  #listeners: Listener[] = [];

  /** `current` gives the ports of the guest that is there now. */
  constructor(gateway: Gateway, current: () => Ports | undefined, log: (text: string) => void) {
    this.#gateway = gateway;
    this.#current = current;
    this.#log = log;
  }

  /** Listens at them. */
  hold({ sshPort, gatePort }: Ports): void {
    this.#listen(gatePort, (client) => client.reset());
    this.#listen(sshPort, (client) => void this.#carry(client));
  }

  /** Leaves them to QEMU, which listens there itself; who is connected stays so. */
  letGo(): void {
    for (const listener of this.#listeners.splice(0)) listener.close();
  }

  /** A port that somebody took in the moment since QEMU had it is not held; the guest starts anew with others then. */
  #listen(port: number, onClient: (client: Connection) => void): void {
    try {
      this.#listeners.push(listen({ hostname: "127.0.0.1", port }, onClient));
    } catch (error) {
      this.#log(`port ${port} cannot be held: ${messageOf(error)}`);
    }
  }

  /** Carries a client to sshd once the guest is awake: by QEMU's forward, as those who come then. */
  async #carry(client: Connection): Promise<void> {
    client.pause();
    client.take({});
    const leave = this.#gateway.idle.begin();
    try {
      await this.#gateway.reach();
      join(client, await connect({ hostname: "127.0.0.1", port: this.#current()?.sshPort ?? 0 }), leave);
    } catch (error) {
      this.#log(`ssh: ${messageOf(error)}`);
      client.reset();
      leave();
    }
  }
}
