/** What clients on this machine come in by: it outlives the guest of one boot, which may fall asleep and start anew. */
import { openDockerSocket } from "../../gate/docker-socket.ts";
import { Gateway } from "../../gate/gateway.ts";
import { openMountSocket } from "../../gate/mount-sockets.ts";
import type { VmPaths } from "../../layout.ts";
import { Door } from "../door.ts";

/** So many reasons why clients of mounts' sockets are refused are told, and each once. */
const toldMax = 32;

type DoorPaths = Pick<VmPaths, "dockerSocket" | "mountSocket">;

/** The gateway of one VM, its Docker socket, and where servers of mounts bring clients. */
export class Doors {
  readonly gateway = new Gateway();
  readonly #doors: readonly Door[];
  readonly #log: (text: string) => void;
  readonly #told = new Set<string>();

  constructor({ dockerSocket, mountSocket }: DoorPaths, log: (text: string) => void) {
    const { gateway } = this;
    this.#log = log;
    this.#doors = [
      new Door(dockerSocket, () => openDockerSocket(dockerSocket, gateway, (why) => log(`docker.sock: ${why}`)), log),
      new Door(mountSocket, () => openMountSocket(mountSocket, gateway, (why) => this.#tellOnce(why)), log),
    ];
  }

  /** Opens both sockets, once. */
  openSockets(): void {
    for (const door of this.#doors) door.open();
  }

  /** Opens those again whose files have gone. */
  async reopen(): Promise<void> {
    await Promise.all(this.#doors.map((door) => door.reopen()));
  }

  close(): void {
    this.gateway.close();
    for (const door of this.#doors) door.closeAll();
  }

  /** Whoever looks whether a container listens yet does so many times. */
  #tellOnce(reason: string): void {
    if (this.#told.has(reason) || this.#told.size >= toldMax) return;
    this.#told.add(reason);
    this.#log(`a socket in a mount: ${reason}`);
  }
}
