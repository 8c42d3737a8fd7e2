/** What an agent has to know before its VM is suspended. */
import { expect, test } from "bun:test";
import { GuestSleep } from "../../../../../src/host/supervisor/seam/guest-sleep.ts";
import { failureOf } from "../../../../support/failures.ts";

/** The sleep of a guest whose agent has these capabilities, and lets go at once. */
function guestWith(capabilities: readonly string[]): GuestSleep {
  const current = {
    hello: { version: "0.0.9", capabilities },
    tell: () => sleep.answered({ type: "asleep", stopped: ["web"] }),
  };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- nothing else of a link is looked at
  const sleep = new GuestSleep(() => ({ current, drop: () => {} }) as never);
  return sleep;
}

const { signal } = new AbortController();

test("an agent that cannot find plugged devices again is not asked to let go of mounts of virtiofs", async () => {
  expect(await failureOf(() => guestWith(["sleep"]).ask(false, ["sleep", "plug"], signal))).toEqual({
    code: "SUSPEND_REFUSED",
    message: "The VM cannot be suspended now. The agent in the guest (qn 0.0.9) knows nothing of it.",
  });
  expect(await guestWith(["sleep"]).ask(false, ["sleep"], signal)).toEqual(["web"]);
  expect(await guestWith(["sleep", "plug"]).ask(false, ["sleep", "plug"], signal)).toEqual(["web"]);
});
