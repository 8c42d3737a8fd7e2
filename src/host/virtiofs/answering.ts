/**
 * Answers programs of this machine at sockets that containers have made in a share: each client is joined to the
 * supervisor, which has a way to the guest, with the path at which the socket is by then.
 */
import { isUtf8 } from "node:buffer";
import { constants, openSync, readlinkSync } from "node:fs";
import { encode } from "../../protocol/frame.ts";
import type { MountSocket } from "../../protocol/mount-sockets.ts";
import { pause } from "../../system/clock.ts";
import { lengthenLine } from "../../system/kernel/descriptors.ts";
import { closeFd } from "../../system/kernel/file-calls.ts";
import { connect, type Connection, listen, type Listener } from "../../system/net/connection.ts";
import { join } from "../../system/net/join.ts";
import { openFilesMax } from "../../system/open-files.ts";
import { clientsMaxOf } from "./descriptor-parts.ts";

/** What a share's clients are brought on with. */
export type AnsweringOptions = {
  /** A descriptor of the share's folder, and its tag. */
  readonly root: number;
  readonly tag: string;
  /** Where the supervisor listens. */
  readonly supervisor: string;
  /** So many clients at once, of two descriptors each; one more is hung up on. */
  readonly clientsMax: number;
  /** How long a client waits for a supervisor; 5 s unless given. */
  readonly patienceMs?: number;
};

/**
 * A supervisor that is started anew is there again by then, and one whose line is full for a moment has taken others.
 * Without any a client is hung up on, as at a published port.
 */
const usualPatienceMs = 5_000;

/** So many clients may have come before they are taken; who does not wait when there are more is refused. */
const lineMax = 1_024;

/** Between two tries to reach it: the system says of a full line what it says of nobody. */
const retryMs = 50;

/** The same for a folder by its path, in a process of its own. Throws the system's error when there is none. */
export function answeringFor(folder: string, rest: Omit<AnsweringOptions, "root" | "clientsMax">): AnsweringOptions {
  const root = openSync(folder, constants.O_DIRECTORY);
  return { ...rest, root, clientsMax: clientsMaxOf(openFilesMax()) };
}

/** The listeners of one share, by the keys of who keeps them. */
export class Answering implements Disposable {
  readonly #options: AnsweringOptions;
  readonly #listeners = new Map<number, Listener>();
  readonly #clients = new Set<Connection>();

  constructor(options: AnsweringOptions) {
    this.#options = options;
  }

  /** Answers at a listener from now on, of whose file the other is a descriptor; gives what is still the caller's. */
  begin(key: number, [listener = -1, file = -1, ...rest]: readonly number[]): readonly number[] {
    try {
      this.#listeners.set(
        key,
        listen({ fd: listener }, (client) => void this.#answer(client, file)),
      );
      // The runtime has it at 512.
      lengthenLine(listener, lineMax);
    } catch {
      // A worker that has been broken may send anything.
      closeFd(listener);
    }
    return [file, ...rest];
  }

  /** Nobody answers there any more; who was answered goes on. */
  end(key: number): void {
    this.#listeners.get(key)?.close();
    this.#listeners.delete(key);
  }

  [Symbol.dispose](): void {
    for (const key of this.#listeners.keys()) this.end(key);
    for (const client of this.#clients) client.reset();
  }

  async #answer(client: Connection, file: number): Promise<void> {
    const { root, tag, clientsMax, patienceMs = usualPatienceMs } = this.#options;
    const path = pathBelow(root, file);
    if (path === undefined || this.#clients.size >= clientsMax) return client.reset();
    this.#clients.add(client);
    client.pause();
    client.take({ onClose: () => this.#clients.delete(client) });
    const way = await this.#reach(client, performance.now() + patienceMs);
    if (way === undefined || client.isClosed) {
      way?.reset();
      return client.reset();
    }
    way.pause();
    way.write(encode({ tag, path } satisfies MountSocket));
    join(client, way, { onBytes() {}, onDone: () => this.#clients.delete(client) });
  }

  /** A connection to the supervisor; nothing where none comes as long as the client waits. */
  async #reach(client: Connection, endMs: number): Promise<Connection | undefined> {
    for (;;) {
      try {
        return await connect({ unix: this.#options.supervisor });
      } catch {
        if (client.isClosed || performance.now() > endMs) return undefined;
      }
      await pause(retryMs);
    }
  }
}

// --- internal ---

const deleted = " (deleted)";

/** Where in the folder `root` the file is now, wherever both have gone; nothing where no name can be said. */
function pathBelow(root: number, file: number): string | undefined {
  const [folder, path] = [root, file].map(pathOf);
  if (folder === undefined || path === undefined || !isUtf8(path)) return undefined;
  const [above, whole] = [folder.toString(), path.toString()];
  const prefix = above === "/" ? above : `${above}/`;
  return whole.startsWith(prefix) && !whole.endsWith(deleted) ? whole.slice(prefix.length) : undefined;
}

function pathOf(fd: number): Buffer | undefined {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`, { encoding: "buffer" });
  } catch {
    return undefined;
  }
}
