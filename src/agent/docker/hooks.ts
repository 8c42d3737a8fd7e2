/**
 * What the agent's rooms do while Docker waits: each call is recognised once, and given to one room after the other.
 */
import { callOf, type DockerCall } from "./call.ts";
import type { Hooks } from "./plugin.ts";

/** What one room does. Its words are those of `Hooks`, with the call in place of the request. */
export type CallHooks = {
  readonly beforeRequest?: (call: DockerCall) => Promise<void>;
  readonly beforeAnswer?: (call: DockerCall) => Promise<void>;
  readonly beforeLostAnswer?: () => Promise<void>;
  readonly refuseLost?: string;
};

/**
 * One plugin's hooks from those of all rooms, in their order; the first that refuses a call ends it, as with plugins
 * of dockerd.
 */
export function inOrder(rooms: readonly CallHooks[]): Hooks {
  const refuseLost = rooms.find((room) => room.refuseLost !== undefined)?.refuseLost;
  return {
    async beforeRequest(request) {
      const call = callOf(request);
      for (const room of rooms) await room.beforeRequest?.(call);
    },
    async beforeAnswer(request) {
      const call = callOf(request);
      for (const room of rooms) await room.beforeAnswer?.(call);
    },
    async beforeLostAnswer() {
      for (const room of rooms) await room.beforeLostAnswer?.();
    },
    ...(refuseLost !== undefined && { refuseLost }),
  };
}
