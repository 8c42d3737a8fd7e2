/** What happens while a VM starts, in a person's words. */
import type { ControlEvent } from "../../host/supervisor/messages.ts";
import type { Phase } from "../../host/supervisor/states.ts";
import { showPhase, warn } from "./show.ts";

/** Shows an event of a start that began at `startedAtMs`; those that say nothing to a person are left out. */
export function showEvent(event: ControlEvent, startedAtMs: number): void {
  const sinceMs = Date.now() - startedAtMs;
  if (event.event === "phase") showPhase(phaseWords[event.phase], sinceMs);
  if (event.event === "fetching") showPhase(event.text, sinceMs);
  if (event.event === "provision") showPhase(`running command ${event.step} of ${event.of} of provision`, sinceMs);
  if (event.event === "warning") warn(event.text);
  if (event.event === "degraded") warn(`${event.reason} Waiting until it is back.`);
}

// --- internal ---

/** What each phase is for. */
const phaseWords: Record<Phase, string> = {
  image: "checking settings and image",
  disks: "preparing disks",
  boot: "booting the guest",
  agent: "linking to the agent in the guest",
  docker: "waiting for Docker",
};
