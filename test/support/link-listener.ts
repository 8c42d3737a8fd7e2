/** Who hears what an agent says on a link, for tests that wait for it. */
import type { LinkFault } from "../../src/host/supervisor/seam/guest-link.ts";
import type { AgentMessage } from "../../src/protocol/messages.ts";

/** What a supervisor hears on a link, and when. */
export function linkListener(): {
  messages: AgentMessage[];
  losses: string[];
  lost: Promise<string>;
  faults: (LinkFault | undefined)[];
  heard(count: number): Promise<void>;
  onMessage(message: AgentMessage): void;
  onLost(reason: string, fault?: LinkFault): void;
} {
  const messages: AgentMessage[] = [];
  const losses: string[] = [];
  const faults: (LinkFault | undefined)[] = [];
  const { promise: lost, resolve } = Promise.withResolvers<string>();
  let goal = { count: Number.POSITIVE_INFINITY, resolve: () => {} };
  return {
    messages,
    losses,
    lost,
    faults,
    async heard(count) {
      if (messages.length >= count) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      goal = { count, resolve };
      await promise;
    },
    onMessage(message) {
      messages.push(message);
      if (messages.length >= goal.count) goal.resolve();
    },
    onLost(reason, fault) {
      losses.push(reason);
      faults.push(fault);
      resolve(reason);
    },
  };
}
