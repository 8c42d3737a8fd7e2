/** Makes a guest that goes on from a template's memory one of its own: until then it has the secrets of all such. */
import { randomBytes } from "node:crypto";
import { plain } from "../../../base/plain.ts";
import { QnError } from "../../../base/errors.ts";
import { type Boot, seedBytes } from "../../../protocol/messages.ts";
import { within } from "../../../system/clock.ts";
import type { GateKey } from "../../gate/dial.ts";
import { linkGuest } from "./guest-link.ts";

/** A starved machine takes seconds to mount folders. */
const renewMs = 60_000;

/**
 * Tells it what it is from now on, `told` with its secret among it; `key` is the way in that it had. Throws
 * AGENT_INCOMPATIBLE for an agent that knows nothing of it, AGENT_FAILED with why it cannot, INTERRUPTED, and what
 * `linkGuest` throws.
 */
export async function renewGuest(key: GateKey, version: string, told: Boot, signal: AbortSignal): Promise<void> {
  const answered = Promise.withResolvers<void>();
  // Whoever waits for it does so below.
  answered.promise.catch(() => {});
  const stop = (): void => answered.reject(new QnError("INTERRUPTED", "The start was called off."));
  signal.addEventListener("abort", stop, { once: true });
  const link = await linkGuest(key, version, {
    onMessage(message) {
      if (message.type !== "renewed") return;
      if (message.refusal === undefined) answered.resolve();
      else answered.reject(new QnError("AGENT_FAILED", `The guest cannot be made anew: ${plain(message.refusal)}`));
    },
    onLost: (reason) => answered.reject(new QnError("LINK_REFUSED", `The guest was lost: ${reason}`)),
  });
  try {
    if (link.hello.capabilities?.includes("renew") !== true) {
      throw new QnError("AGENT_INCOMPATIBLE", `The agent in the guest (qn ${link.hello.version}) cannot be copied.`);
    }
    if (signal.aborted) stop();
    link.tell({ type: "renew", boot: told, seed: randomBytes(seedBytes).toString("hex") });
    await within(
      answered.promise,
      renewMs,
      () => new QnError("LINK_REFUSED", "The guest does not take what it is told."),
    );
  } finally {
    signal.removeEventListener("abort", stop);
    link.close();
  }
}
