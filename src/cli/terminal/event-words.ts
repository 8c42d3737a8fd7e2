/** An event of a VM as one line for a person. */
import { counted } from "../../base/words.ts";
import type { ControlEvent } from "../../host/supervisor/messages.ts";
import { plain } from "../../base/plain.ts";

/** The event in a few words, harmless in a terminal. */
export function eventWords(event: ControlEvent): string {
  return plain(wordsOf(event));
}

// --- internal ---

function wordsOf(event: ControlEvent): string {
  switch (event.event) {
    case "state":
      return `state ${event.state}${event.reason === null ? "" : `: ${event.reason}`}`;
    case "status":
      return `status ${event.status.state}`;
    case "ports": {
      const failed = event.ports.filter(({ error }) => error !== null);
      const errors = failed.map(({ error }) => ` ${error}`).join("");
      return `ports ${counted(event.ports.length, "forward")}, ${failed.length} failed.${errors}`;
    }
    case "phase":
      return `phase ${event.phase}`;
    case "warning":
      return `warning ${event.text}`;
    case "fetching":
      return event.text;
    case "provision":
      return `provision ${event.step} of ${event.of}`;
    case "running":
      return "running";
    case "degraded":
      return `degraded: ${event.reason}`;
    case "stopped":
      return event.suspended !== undefined ? "suspended" : event.forced ? "stopped by force" : "stopped";
    case "forwarded":
    case "grown":
      return event.event;
    case "refused":
    case "failed":
      return `${event.event} [${event.error.code}] ${event.error.message}`;
  }
}
