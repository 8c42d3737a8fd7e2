/** The states and events of a VM's life in a few words each, for tables of them. */
import type { ErrorReport } from "../../src/base/errors.ts";
import { step } from "../../src/host/supervisor/machine.ts";
import type { Effect, Event, Limits, State } from "../../src/host/supervisor/states.ts";

/** How long things may take in these tests. */
export const limits: Limits = { bootMs: 120_000, stopGraceMs: 90_000 };

/** How QEMU ends, and how something else goes wrong, in these tests. */
export const broken: ErrorReport = { code: "QEMU_EXITED", message: "QEMU is gone.", hint: "Look." };
export const failure: ErrorReport = { code: "DISK_FAILED", message: "The disk is full.", hint: "Free some." };

/** A start that is in a phase, after some resets. */
export const starting = (phase: "image" | "disks" | "boot" | "agent" | "docker", resets = 0): State => ({
  name: "starting",
  phase,
  resets,
});

/** A state in a few words. */
export function words(state: State): string {
  switch (state.name) {
    case "starting":
      return [
        `starting ${state.phase}`,
        ...(state.resets === 0 ? [] : [`after ${state.resets}`]),
        ...(state.isSecondTry ? ["again"] : []),
        ...(state.isProvisioning ? ["provisioning"] : []),
        ...(state.isWaiting ? ["waiting"] : []),
        ...(state.isAdopted ? ["adopted"] : []),
        ...(state.isWanted ? ["wanted"] : []),
      ].join(" ");
    case "degraded":
      return `degraded ${state.silent}${state.isAdopted ? " adopted" : ""}`;
    case "stopping":
      return ["stopping", ...(state.forced ? ["forced"] : []), ...(state.failure ? [state.failure.code] : [])].join(
        " ",
      );
    case "stopped":
      return ["stopped", ...(state.forced ? ["forced"] : []), ...(state.isSuspended ? ["suspended"] : [])].join(" ");
    case "suspending":
      return state.next === undefined ? "suspending" : `suspending ${state.next}`;
    case "asleep":
      return "asleep";
    case "paused":
      return state.isAdopted ? "paused adopted" : "paused";
    case "failed":
      return `failed ${state.error.code}`;
    case "running":
      return state.isAdopted ? "running adopted" : "running";
  }
}

/** One event of each kind by its name. */
export const events: Readonly<Record<string, Event>> = {
  adopted: { type: "adopted" },
  prepared: { type: "prepared" },
  "disks-ready": { type: "disks-ready" },
  stalled: { type: "stalled" },
  doorbell: { type: "doorbell" },
  linked: { type: "linked" },
  "link-lost": { type: "link-lost" },
  waits: { type: "waits" },
  panic: { type: "guest-reset", hasPanicked: true },
  reboot: { type: "guest-reset", hasPanicked: false },
  resumed: { type: "resumed" },
  provisioning: { type: "provisioning", isBusy: true },
  provisioned: { type: "provisioning", isBusy: false },
  "docker-answers": { type: "docker-answers" },
  "docker-down": { type: "docker-down" },
  stop: { type: "stop", force: false },
  "stop --force": { type: "stop", force: true },
  "call off": { type: "stop", force: true, isCallOff: true },
  deadline: { type: "deadline" },
  failure: { type: "failure", error: failure },
  suspend: { type: "suspend" },
  "suspend by itself": { type: "suspend", isByItself: true },
  wake: { type: "wake" },
  pause: { type: "pause" },
  suspended: { type: "suspended" },
  "suspend-failed": { type: "suspend-failed" },
  "qemu-exited": { type: "qemu-exited", error: broken },
  "qemu-crashed": { type: "qemu-exited", error: broken, hasCrashed: true },
};

function effectWords(effect: Effect): string {
  if (effect.type === "suspend" && effect.isByItself) return "suspend by itself";
  return effect.type === "set-deadline" ? `deadline ${effect.ms}` : effect.type;
}

/** What can happen at all while a VM starts, beside what can always happen: each is the answer to an effect. */
const ofPhase = {
  image: ["adopted", "prepared", "suspended", "wake"],
  disks: ["disks-ready"],
  boot: ["stalled", "doorbell", "waits", "resumed", "deadline"],
  agent: [
    "stalled",
    "doorbell",
    "linked",
    "docker-down",
    "provisioning",
    "provisioned",
    "waits",
    "resumed",
    "deadline",
  ],
  docker: [
    "waits",
    "resumed",
    "stalled",
    "doorbell",
    "linked",
    "link-lost",
    "docker-answers",
    "docker-down",
    "provisioning",
    "provisioned",
    "deadline",
  ],
} as const;

const always = ["stop", "stop --force", "call off", "failure", "qemu-exited", "qemu-crashed"];

/** What each event that can happen in `state` does; what changes nothing and does nothing is left out. */
export function reactions(state: State): Record<string, string> {
  const can = Object.entries(events).filter(
    ([name]) => state.name !== "starting" || [...always, ...ofPhase[state.phase]].includes(name),
  );
  const rows = can.map(([name, event]) => {
    const [next, ...effects] = step(state, event, limits);
    const said = [words(next), ...effects.map(effectWords)].join(", ");
    return [name, said === words(state) ? undefined : said] as const;
  });
  return Object.fromEntries(rows.filter((row): row is readonly [string, string] => row[1] !== undefined));
}
