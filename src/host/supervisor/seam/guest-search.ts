/** Tells the guest how this machine completes names, at each link and whenever that changes. */
import { messageOf } from "../../../base/errors.ts";
import { newQueue } from "../../../base/queue.ts";
import { readSearch, watchSearch } from "../../names/search.ts";
import type { GuestLink } from "./guest-link.ts";

/** The watch of one boot. */
export class GuestSearch {
  readonly #path: string;
  readonly #link: () => Pick<GuestLink, "tell"> | undefined;
  readonly #log: (text: string) => void;
  readonly #inTurn = newQueue();
  #watch: { close(): void } | undefined;
  #isClosed = false;

  /** `path` is the machine's resolv.conf. */
  constructor(path: string, link: () => Pick<GuestLink, "tell"> | undefined, log: (text: string) => void) {
    this.#path = path;
    this.#link = link;
    this.#log = log;
  }

  /** Tells the guest that is linked now; an agent that does not know of it passes it over. */
  tell(): void {
    void this.#inTurn(() => this.#tell()).catch((error: unknown) => this.#log(`names: ${messageOf(error)}`));
  }

  close(): void {
    this.#isClosed = true;
    this.#watch?.close();
  }

  async #tell(): Promise<void> {
    if (this.#isClosed) return;
    // Watched first, so that nothing falls between; anew each time, since a link may lead elsewhere by now.
    const watch = await watchSearch(this.#path, () => this.tell());
    this.#watch?.close();
    this.#watch = watch;
    if (this.#isClosed) return watch.close();
    this.#link()?.tell({ type: "names", ...(await readSearch(this.#path)) });
  }
}
