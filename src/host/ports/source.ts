/** Where forwards come from: which part of the guest, or of qn, has asked for one, and how that is said. */
import { publishers } from "../../protocol/terms.ts";
import type { Served } from "./listener-plan.ts";

/**
 * Docker's containers; machines of systemd-nspawn; other programs of the guest that listen (`ports.listen`); a person
 * (`qn ports add`).
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
  nspawn: "systemd-nspawn publishes it.",
  listen: "The program listens there, and ports.listen is on.",
  hand: "It was made with `qn ports add`.",
};

// --- internal ---

const subjects: Readonly<Record<Source, (subject: Subject, vm: string) => string>> = {
  docker: ({ container }, vm) => `The container "${container}" of the VM "${vm}"`,
  nspawn: ({ container }, vm) => `The systemd-nspawn machine "${container}" of the VM "${vm}"`,
  listen: ({ container }, vm) => `The program "${container}" in the guest of the VM "${vm}"`,
  hand: ({ guestPort }, vm) => `Port ${guestPort ?? "?"} of the guest of the VM "${vm}"`,
};
