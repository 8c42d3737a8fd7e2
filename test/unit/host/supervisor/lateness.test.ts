/** What a start says that takes too long. */
import { expect, test } from "bun:test";
import { step } from "../../../../src/host/supervisor/machine.ts";
import { limits, starting } from "../../../support/machine-words.ts";

test("a boot that takes too long says what it waited for, and how long", () => {
  const messages = (["boot", "agent", "docker"] as const).map((phase) => {
    const [next] = step(starting(phase), { type: "deadline" }, limits);
    return next.name === "stopping" ? [next.failure?.code, next.failure?.message] : next;
  });
  expect(messages).toEqual([
    ["BOOT_TIMEOUT", "Waited 120 s in vain for the guest to boot."],
    ["BOOT_TIMEOUT", "Waited 120 s in vain for the agent in the guest."],
    ["DOCKER_UNREACHABLE", "Waited 120 s in vain for Docker in the guest."],
  ]);
});

test("a guest that stays silent after every reset says so, and not how long a boot may take", () => {
  const [next] = step(starting("boot", 2), { type: "stalled" }, limits);
  expect(next.name === "stopping" && next.failure?.message).toBe(
    "The guest fell silent while it booted, and 2 resets did not help.",
  );
});
