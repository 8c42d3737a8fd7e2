/** How much memory the guest uses: the agent is asked when somebody wants to know. */
import type { AgentMessage } from "../../../protocol/messages.ts";
import { residentBytes } from "../../../system/memory-use.ts";
import type { MemoryStatus } from "../messages.ts";
import { type Asking, Questions } from "./questions.ts";

/** How long whoever asks may be kept waiting for a guest that is busy. */
const answerMs = 500;

/** The questions of one boot. */
export class GuestMemory {
  readonly #questions: Questions<number>;

  constructor(link: Asking, waitMs = answerMs) {
    this.#questions = new Questions(link, "memory", (ask) => ({ type: "memory", ask }), waitMs);
  }

  /** What the guest's programs and its kernel use, in bytes; nothing when there is no agent that says so in time. */
  async usedBytes(): Promise<number | undefined> {
    return await this.#questions.ask();
  }

  /** Takes what the guest says. */
  answered({ answers, usedBytes }: Extract<AgentMessage, { type: "memory" }>): void {
    this.#questions.answered(answers, usedBytes);
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
