/** Where forwards come from: which part of the guest, or of qn, has asked for one, and how that is said. */
import { publishers } from "../../protocol/terms.ts";
import type { Served } from "./listener-plan.ts";

/**
 * Docker's containers and the services of its swarm; machines of systemd-nspawn; containers in the guest's own network
 * and other programs of the guest that listen (`ports.listen`); a person (`qn ports add`).
 */
export const sources = [...publishers, "hand"] as const;
export type Source = (typeof sources)[number];

/** Which of them it is. */
export function sourceOf({ guestPort, source = "docker" }: Served): Source {
  return guestPort === undefined ? source : "hand";
}

/** Whom a forward is for: `container` is a name, but where a person leads to a port of the guest itself. */
export type Subject = { readonly source: Source; readonly container: string; readonly guestPort: number | null };

/** Whom a forward is for, at the beginning of a sentence. */
export function subjectOf(subject: Subject, vm: string): string {
  return subjects[subject.source](subject, vm);
}

/** Why there is such a forward, as a sentence. */
export const reasonsOfSources: Readonly<Record<Source, string>> = {
  docker: "Docker publishes it.",
  swarm: "Docker's swarm publishes it.",
  nspawn: "systemd-nspawn publishes it.",
  "host-network": "The container has the guest's own network and listens there, and ports.listen is not false.",
  listen: "The program listens there, and ports.listen is on.",
  hand: "It was made with `qn ports add`.",
};

// --- internal ---

const subjects: Readonly<Record<Source, (subject: Subject, vm: string) => string>> = {
  docker: ({ container }, vm) => `The container "${container}" of the VM "${vm}"`,
  swarm: ({ container }, vm) => `The service "${container}" of the swarm in the VM "${vm}"`,
  "host-network": ({ container }, vm) => `The container "${container}" in the network of the VM "${vm}"`,
  nspawn: ({ container }, vm) => `The systemd-nspawn machine "${container}" of the VM "${vm}"`,
  listen: ({ container }, vm) => `The program "${container}" in the guest of the VM "${vm}"`,
  hand: ({ guestPort }, vm) => `Port ${guestPort ?? "?"} of the guest of the VM "${vm}"`,
};
