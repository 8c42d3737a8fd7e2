/** The ports of QEMU's own that a guest which is asleep has left, held for it: nobody else gets them meanwhile. */
import { messageOf } from "../../../base/errors.ts";
import { listen, type Listener } from "../../../system/net/connection.ts";
import type { BootRecord } from "../boot/boot.ts";

/** Those of one VM. */
export class HeldPorts {
  readonly #log: (text: string) => void;
  #listeners: Listener[] = [];

  constructor(log: (text: string) => void) {
    this.#log = log;
  }

  /** Listens at them, and turns away who comes. */
  hold({ gatePort, sshForwardPort }: Pick<BootRecord, "gatePort" | "sshForwardPort">): void {
    this.#listen(gatePort);
    if (sshForwardPort !== undefined) this.#listen(sshForwardPort);
  }

  /** Leaves them to QEMU, which listens there itself. */
  letGo(): void {
    for (const listener of this.#listeners.splice(0)) listener.close();
  }

  /** A port that somebody took in the moment since QEMU had it is not held; the guest starts anew with others then. */
  #listen(port: number): void {
    try {
      this.#listeners.push(listen({ hostname: "127.0.0.1", port }, (client) => client.reset()));
    } catch (error) {
      this.#log(`port ${port} cannot be held: ${messageOf(error)}`);
    }
  }
}
