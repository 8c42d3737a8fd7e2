/** The forwards by hand of a VM that runs: kept in their file and listened on, one change after the other. */
import { messageOf, QnError } from "../../../base/errors.ts";
import { newQueue } from "../../../base/queue.ts";
import type { FailedPort } from "../../../protocol/messages.ts";
import type { VmPaths } from "../../layout.ts";
import { changed, type ForwardChange, type HandForward } from "../../ports/by-hand.ts";
import { readForwards, writeForwards } from "../../ports/hand-list.ts";

/** Listens on exactly these, and says which it cannot; nothing when there is no guest to lead to yet. */
export type Listen = (forwards: readonly HandForward[]) => Promise<readonly FailedPort[]> | undefined;

/** The list of one VM. */
export class HandForwards {
  readonly #path: string;
  readonly #listen: Listen;
  readonly #inTurn = newQueue();

  constructor(paths: VmPaths, listen: Listen) {
    this.#path = paths.forwards;
    this.#listen = listen;
  }

  /** Listens on all that are kept. `warn` hears of what is not to be had, which is no reason to be without a VM. */
  async begin(warn: (text: string) => void): Promise<void> {
    try {
      const failed = await this.#inTurn(async () => (await this.#listen(await readForwards(this.#path))) ?? []);
      for (const { reason } of failed) warn(reason);
    } catch (error) {
      warn(messageOf(error));
    }
  }

  /**
   * Adds or removes one. Throws PORT_TAKEN, and everything is as before, when the port cannot be listened on;
   * NO_SUCH_FORWARD when there is nothing to remove.
   */
  async change(change: ForwardChange, forward: HandForward): Promise<void> {
    await this.#inTurn(async () => {
      const before = await readForwards(this.#path);
      const after = changed(before, change, forward);
      const failed = (await this.#listen(after)) ?? [];
      const reasons = failed.filter((port) => change === "add" && isAt(port, forward)).map(({ reason }) => reason);
      if (reasons.length === 0) return await writeForwards(this.#path, after);
      await this.#listen(before);
      throw new QnError("PORT_TAKEN", reasons.join(" "));
    });
  }
}

// --- internal ---

function isAt(port: FailedPort, forward: HandForward): boolean {
  return port.protocol === forward.protocol && port.hostIp === forward.hostIp && port.hostPort === forward.hostPort;
}
