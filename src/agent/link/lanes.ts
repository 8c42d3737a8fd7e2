/**
 * The agent's end of the lanes: opens the ports that the host is connected to, and gives the gate what comes on them.
 */
import { messageOf } from "../../base/errors.ts";
import type { HostMessage } from "../../protocol/messages.ts";
import type { Connection } from "../../system/net/connection.ts";
import { Device } from "../../system/net/device.ts";
import { Lane } from "../../system/net/lane.ts";

/** udev makes a link there for each virtio-serial port that has a name. */
const devicesFolder = "/dev/virtio-ports";

/** The lanes of one agent. */
export class Lanes {
  readonly #admit: (connection: Connection) => void;
  readonly #log: (text: string) => void;
  readonly #open = new Map<string, Lane>();

  /** `admit` takes each connection, which still has to prove itself. */
  constructor(admit: (connection: Connection) => void, log: (text: string) => void) {
    this.#admit = admit;
    this.#log = log;
  }

  /** Opens the ports that the host names, and gives back what closes them. A port that cannot be opened is left out. */
  open({ ports, token }: Extract<HostMessage, { type: "lanes" }>): { close(): void } {
    const opened = ports.flatMap((port) => {
      // One of a link before, if it has not been told of its end yet.
      this.#open.get(port)?.close();
      try {
        return [this.#openPort(port, token)];
      } catch (error) {
        this.#log(`channel ${port}: ${messageOf(error)}`);
        return [];
      }
    });
    return { close: () => opened.forEach((lane) => lane.close()) };
  }

  /** Closes all of them: a guest that is suspended finds none of their other ends when it goes on. */
  closeAll(): void {
    for (const lane of this.#open.values()) lane.close();
  }

  #openPort(port: string, token: string): Lane {
    const device = new Device(`${devicesFolder}/${port}`);
    const lane = new Lane(device);
    lane.onConnection = this.#admit;
    lane.onClose = () => {
      if (this.#open.get(port) === lane) this.#open.delete(port);
    };
    this.#open.set(port, lane);
    void device.start(Buffer.from(token, "hex"));
    return lane;
  }
}
