/** How much memory the guest uses: the agent is asked when somebody wants to know. */
import type { AgentMessage } from "../../../protocol/messages.ts";
import { within } from "../../../system/clock.ts";
import { residentBytes } from "../../../system/memory-use.ts";
import type { MemoryStatus } from "../messages.ts";
import type { GuestLink } from "./guest-link.ts";

/** How long whoever asks may be kept waiting for a guest that is busy. */
const answerMs = 500;

/** The questions of one boot. */
export class GuestMemory {
  readonly #link: () => Pick<GuestLink, "hello" | "tell"> | undefined;
  readonly #answerMs: number;
  readonly #waiting = new Map<number, (usedBytes: number) => void>();
  #asked = 0;

  constructor(link: () => Pick<GuestLink, "hello" | "tell"> | undefined, waitMs = answerMs) {
    this.#link = link;
    this.#answerMs = waitMs;
  }

  /** What the guest's programs and its kernel use, in bytes; nothing when there is no agent that says so in time. */
  async usedBytes(): Promise<number | undefined> {
    const link = this.#link();
    if (link?.hello.capabilities?.includes("memory") !== true) return undefined;
    this.#asked += 1;
    const ask = this.#asked;
    const { promise, resolve } = Promise.withResolvers<number>();
    this.#waiting.set(ask, resolve);
    link.tell({ type: "memory", ask });
    try {
      return await within(promise, this.#answerMs, () => new Error("The guest does not say how much memory it uses."));
    } catch {
      return undefined;
    } finally {
      this.#waiting.delete(ask);
    }
  }

  /** Takes what the guest says. */
  answered({ answers, usedBytes }: Extract<AgentMessage, { type: "memory" }>): void {
    this.#waiting.get(answers)?.(usedBytes);
  }
}

/** How much memory a VM takes, as far as its guest and this machine say so. */
export async function memoryStatus(guest: GuestMemory | undefined, qemuPid: number | undefined): Promise<MemoryStatus> {
  const [used, resident] = await Promise.all([
    guest?.usedBytes(),
    qemuPid === undefined ? undefined : residentBytes(qemuPid),
  ]);
  return { usedBytes: used ?? null, residentBytes: resident ?? null };
}
