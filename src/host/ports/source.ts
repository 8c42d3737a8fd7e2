/** Where forwards come from: which part of the guest, or of qn, has asked for one, and how that is said. */
import { nspawnIdPrefix } from "../../protocol/messages.ts";
import type { Served } from "./plan.ts";

/**
 * Docker's containers; machines of systemd-nspawn; other programs of the guest that listen (`ports.listen`); a person
 * (`qn ports add`).
 */
export const sources = ["docker", "nspawn", "listen", "hand"] as const;
export type Source = (typeof sources)[number];

/** Which of them it is. */
export function sourceOf({ guestPort, containerId }: Served): Source {
  if (guestPort !== undefined) return "hand";
  if (containerId.startsWith(nspawnIdPrefix)) return "nspawn";
  return containerId === "" ? "listen" : "docker";
}

/** Whom a forward is for, at the beginning of a sentence. `name` is the forward's `container`. */
export function subjectOf(source: Source, name: string, vm: string): string {
  return subjects[source](name, vm);
}

/** Why there is such a forward, as a sentence. */
export const reasonsOfSources: Readonly<Record<Source, string>> = {
  docker: "Docker publishes it.",
  nspawn: "systemd-nspawn publishes it.",
  listen: "The program listens there, and ports.listen is on.",
  hand: "It was made with `qn ports add`.",
};

// --- internal ---

const subjects: Readonly<Record<Source, (name: string, vm: string) => string>> = {
  docker: (name, vm) => `The container "${name}" of the VM "${vm}"`,
  nspawn: (name, vm) => `The systemd-nspawn machine "${name}" of the VM "${vm}"`,
  listen: (name, vm) => `The program "${name}" in the guest of the VM "${vm}"`,
  // Its name is "guest:80" (by-hand.ts).
  hand: (name, vm) => `Port ${name.slice(name.indexOf(":") + 1)} of the guest of the VM "${vm}"`,
};
