/** Lists something whenever it may have changed, single-flight: one list at a time, never an old after a newer one. */

/** Lists when told, and hands each list on. */
export class Lister<Item> {
  readonly #list: () => Promise<readonly Item[]>;
  readonly #onList: (items: readonly Item[]) => void;
  #current: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #nudged: Promise<void> | undefined;

  constructor(list: () => Promise<readonly Item[]>, onList: (items: readonly Item[]) => void) {
    this.#list = list;
    this.#onList = onList;
  }

  /**
   * Resolves when a list that began after this call has been handed on; callers that wait for the same one share it.
   * Throws what listing throws.
   */
  refresh(): Promise<void> {
    // Between the end of one list and the begin of the next there is none under way, but the next is promised.
    if (this.#next !== undefined) return this.#next;
    if (this.#current === undefined) return this.#begin();
    this.#next = this.#afterCurrent(this.#current);
    return this.#next;
  }

  /** Lists without waiting. Nudges that share a list are told of it once, however many they are. */
  nudge(onListed: () => void, onFailed: (error: unknown) => void): void {
    const list = this.refresh();
    if (list === this.#nudged) return;
    this.#nudged = list;
    void list.then(onListed, onFailed);
  }

  #begin(): Promise<void> {
    const run = this.#run();
    this.#current = run;
    return run;
  }

  async #run(): Promise<void> {
    try {
      this.#onList(await this.#list());
    } finally {
      this.#current = undefined;
    }
  }

  async #afterCurrent(current: Promise<void>): Promise<void> {
    await current.catch(() => {});
    this.#next = undefined;
    await this.#begin();
  }
}
