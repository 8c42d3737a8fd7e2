/** A socket at which the supervisor listens, whose file somebody may take away. */
import { basename, dirname } from "node:path";
import { messageOf } from "../../base/errors.ts";
import { isThere } from "../../system/files.ts";
import type { Listener } from "../../system/net/connection.ts";
import { watchFile } from "../../system/watch.ts";

/** One socket. Whoever cleans up may take its file away, and nothing of the socket tells of it. */
export class Door {
  readonly #path: string;
  readonly #listen: () => Listener;
  readonly #log: (text: string) => void;
  #listener: Listener | undefined;
  #watch: { close(): void } | undefined;
  #isClosed = false;

  /** `listen` opens the socket at `path`, and replaces what is there. */
  constructor(path: string, listen: () => Listener, log: (text: string) => void) {
    this.#path = path;
    this.#listen = listen;
    this.#log = log;
  }

  /** Opens it, once. Throws the system's error. */
  open(): void {
    this.#listener ??= this.#listen();
    this.#watch ??= watchFile(dirname(this.#path), basename(this.#path), () => void this.reopen());
  }

  /** Opens it again where its file has gone. */
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

  /** Nobody comes in any more; who has, stays. */
  close(): void {
    this.#isClosed = true;
    this.#watch?.close();
    this.#listener?.close();
  }

  /** Ends its connections, too. */
  closeAll(): void {
    this.close();
    this.#listener?.closeAll();
  }
}
