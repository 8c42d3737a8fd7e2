/** Has the guest let go of the host's folders, so that QEMU can save it. */
import { plain } from "../../../base/plain.ts";
import { QnError } from "../../../base/errors.ts";
import type { Asleep } from "../../../protocol/sleep.ts";
import { within } from "../../../system/clock.ts";
import type { AgentLink } from "./agent-link.ts";

/** Containers that hold mounts are stopped one after the other, up to ten seconds each. */
const sleepMs = 300_000;

/** What the guest of one boot answers. */
export class GuestSleep {
  readonly #agent: () => Pick<AgentLink, "current" | "drop">;
  #asked: PromiseWithResolvers<Asleep> | undefined;

  constructor(agent: () => Pick<AgentLink, "current" | "drop">) {
    this.#agent = agent;
  }

  /**
   * Resolves when both have let go of each other, to the containers that the guest had to stop. Throws SUSPEND_REFUSED
   * when it cannot, or is called off; it has everything again then. With `ifUnused` it cannot while something in it is
   * in use. The agent has to have these `capabilities`.
   */
  async ask(ifUnused: boolean, capabilities: readonly string[], calledOff: AbortSignal): Promise<readonly string[]> {
    calledOff.throwIfAborted();
    const link = this.#agent().current;
    if (link === undefined) throw refused("The agent in the guest is silent.");
    if (!capabilities.every((each) => link.hello.capabilities?.includes(each))) {
      throw refused(`The agent in the guest (qn ${link.hello.version}) knows nothing of it.`);
    }
    const asked = (this.#asked = Promise.withResolvers<Asleep>());
    link.tell(ifUnused ? { type: "sleep", ifUnused } : { type: "sleep" });
    try {
      const isLate = (): Error => refused("The guest takes too long.");
      const { stopped, refusal } = await within(asked.promise, sleepMs, isLate, calledOff);
      if (refusal !== undefined) throw refused(plain(refusal));
      this.#agent().drop("the guest is being suspended");
      return stopped.map(plain);
    } finally {
      this.#asked = undefined;
    }
  }

  answered(asleep: Asleep): void {
    this.#asked?.resolve(asleep);
  }

  lost(): void {
    this.#asked?.reject(refused("The agent in the guest was lost."));
  }
}

/** Why a VM is not suspended. */
export function refused(why: string): QnError {
  return new QnError("SUSPEND_REFUSED", `The VM cannot be suspended now. ${why}`);
}
