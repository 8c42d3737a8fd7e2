/** What clients on this machine come in by: it outlives the guest of one boot, which may fall asleep and start anew. */
import { basename, dirname } from "node:path";
import { messageOf } from "../../../base/errors.ts";
import { isThere } from "../../../system/files.ts";
import type { Listener } from "../../../system/net/connection.ts";
import { watchFile } from "../../../system/watch.ts";
import { openDockerSocket } from "../../gate/docker-socket.ts";
import { Gateway } from "../../gate/gateway.ts";
import { openMountSocket } from "../../gate/mount-sockets.ts";
import type { VmPaths } from "../../layout.ts";

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
    for (const door of this.#doors) door.close();
  }

  /** Whoever looks whether a container listens yet does so many times. */
  #tellOnce(reason: string): void {
    if (this.#told.has(reason) || this.#told.size >= toldMax) return;
    this.#told.add(reason);
    this.#log(`a socket in a mount: ${reason}`);
  }
}

// --- internal ---

/** One socket. Whoever cleans up may take its file away, and nothing of the socket tells of it. */
class Door {
  readonly #path: string;
  readonly #listen: () => Listener;
  readonly #log: (text: string) => void;
  #listener: Listener | undefined;
  #watch: { close(): void } | undefined;
  #isClosed = false;

  constructor(path: string, listen: () => Listener, log: (text: string) => void) {
    this.#path = path;
    this.#listen = listen;
    this.#log = log;
  }

  open(): void {
    this.#listener ??= this.#listen();
    this.#watch ??= watchFile(dirname(this.#path), basename(this.#path), () => void this.reopen());
  }

  async reopen(): Promise<void> {
    try {
      if (this.#listener === undefined || (await isThere(this.#path)) || this.#isClosed) return;
      this.#log(`${this.#path} was gone; it is opened again`);
      this.#listener.close();
      this.#listener = this.#listen();
    } catch (error) {
      this.#log(`${this.#path} cannot be opened again: ${messageOf(error)}`);
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#watch?.close();
    this.#listener?.closeAll();
  }
}
