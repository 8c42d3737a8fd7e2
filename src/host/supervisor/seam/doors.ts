/** What clients on this machine come in by: it outlives the guest of one boot, which may fall asleep and start anew. */
import { basename } from "node:path";
import { messageOf } from "../../../base/errors.ts";
import { isThere } from "../../../system/files.ts";
import type { Listener } from "../../../system/net/connection.ts";
import { watchFile } from "../../../system/watch.ts";
import { openDockerSocket } from "../../gate/docker-socket.ts";
import { Gateway } from "../../gate/gateway.ts";
import type { VmPaths } from "../../layout.ts";

/** The gateway of one VM, and its Docker socket. */
export class Doors {
  readonly gateway = new Gateway();
  readonly #paths: Pick<VmPaths, "folder" | "dockerSocket">;
  readonly #log: (text: string) => void;
  #dockerSocket: Listener | undefined;
  #watch: { close(): void } | undefined;
  #isClosed = false;

  constructor(paths: Pick<VmPaths, "folder" | "dockerSocket">, log: (text: string) => void) {
    this.#paths = paths;
    this.#log = log;
  }

  /** Opens the Docker socket, once. Whoever cleans up may take its file away, and nothing of the socket tells of it. */
  openDockerSocket(): void {
    const { folder, dockerSocket } = this.#paths;
    this.#dockerSocket ??= this.#listen();
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
  }

  #listen(): Listener {
    return openDockerSocket(this.#paths.dockerSocket, this.gateway, (reason) => this.#log(`docker.sock: ${reason}`));
  }
}
