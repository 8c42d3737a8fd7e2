/** How many listeners the ports of one VM have at once: a guest may ask for more than this process may have open. */
import { ownShares } from "./descriptor-shares.ts";

/** Whatever listens. */
export type Listener = { close(): void };

/** The listeners of one VM. */
export class ListenerLimit {
  readonly #max: number;
  #count = 0;

  constructor(max: number = ownShares().listeners) {
    this.#max = max;
  }

  /** Opens one more, which counts until it is closed. Throws what `listen` throws, and when there is no room. */
  async open(listen: () => Listener | Promise<Listener>): Promise<Listener> {
    if (this.#count >= this.#max) throw new Error(`there are ${this.#max} listeners, as many as qn may have here`);
    this.#count += 1;
    let isOpen = true;
    const giveBack = (): void => {
      if (isOpen) this.#count -= 1;
      isOpen = false;
    };
    try {
      const listener = await listen();
      return {
        close() {
          giveBack();
          listener.close();
        },
      };
    } catch (error) {
      giveBack();
      throw error;
    }
  }
}
