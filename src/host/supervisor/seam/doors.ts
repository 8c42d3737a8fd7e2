/** What clients on this machine come in by: it outlives the guest of one boot, which may fall asleep and start anew. */
import { basename } from "node:path";
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

type DoorPaths = Pick<VmPaths, "folder" | "dockerSocket" | "mountSocket">;

/** The gateway of one VM, its Docker socket, and where servers of mounts bring clients. */
export class Doors {
  readonly gateway = new Gateway();
  readonly #paths: DoorPaths;
  readonly #log: (text: string) => void;
  #dockerSocket: Listener | undefined;
  #mountSocket: Listener | undefined;
  #watch: { close(): void } | undefined;
  readonly #told = new Set<string>();
  #isClosed = false;

  constructor(paths: DoorPaths, log: (text: string) => void) {
    this.#paths = paths;
    this.#log = log;
  }

  /** Opens both sockets, once. Whoever cleans up may take its file away, and nothing of the socket tells of it. */
  openSockets(): void {
    const { folder, dockerSocket, mountSocket } = this.#paths;
    this.#dockerSocket ??= this.#listen();
    this.#mountSocket ??= openMountSocket(mountSocket, this.gateway, (reason) => this.#tellOnce(reason));
    this.#watch ??= watchFile(folder, basename(dockerSocket), () => void this.reopen());
  }

  /** Opens the Docker socket again whose file has gone. */
  async reopen(): Promise<void> {
    const { dockerSocket } = this.#paths;
    try {
      if (this.#dockerSocket === undefined || (await isThere(dockerSocket)) || this.#isClosed) return;
      this.#log(`${dockerSocket} was gone; it is opened again`);
      this.#dockerSocket.close();
      this.#dockerSocket = this.#listen();
    } catch (error) {
      this.#log(`${dockerSocket} cannot be opened again: ${messageOf(error)}`);
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#watch?.close();
    this.gateway.close();
    this.#dockerSocket?.closeAll();
    this.#mountSocket?.closeAll();
  }

  /** Whoever looks whether a container listens yet does so many times. */
  #tellOnce(reason: string): void {
    if (this.#told.has(reason) || this.#told.size >= toldMax) return;
    this.#told.add(reason);
    this.#log(`a socket in a mount: ${reason}`);
  }

  #listen(): Listener {
    return openDockerSocket(this.#paths.dockerSocket, this.gateway, (reason) => this.#log(`docker.sock: ${reason}`));
  }
}
