/** What several states of a VM's life lead to. */
import type { ErrorReport } from "../../base/errors.ts";
import { initial, type Limits, type State, type Step } from "./states.ts";

/** The guest is in a file, QEMU has ended, and so does the supervisor. */
export const suspended: Step = [
  { name: "stopped", forced: false, isSuspended: true },
  { type: "clear-deadline" },
  { type: "finish" },
];

/** The guest goes on, or, where it cannot, starts anew: as in a supervisor that has just begun. */
export const wake: Step = [initial, { type: "wake" }];

/** A guest runs already, or goes on in a moment: whoever wants it down has it shut down. */
export function adopted(state: Extract<State, { name: "starting" }>, { bootMs }: Limits): Step {
  return [
    { ...state, phase: "agent", isAdopted: true },
    { type: "set-deadline", ms: bootMs },
  ];
}

/** Shuts a VM down that runs, or ends it. */
export function stopping(force: boolean, limits: Limits): Step {
  const state: State = { name: "stopping", forced: force, failure: undefined };
  if (force) return [state, { type: "clear-deadline" }, { type: "kill-qemu" }];
  return [state, { type: "set-deadline", ms: limits.stopGraceMs }, { type: "press-power-button" }];
}

/** Ends a VM that cannot go on; the failure is reported once QEMU is gone. */
export function giveUp(failure: ErrorReport): Step {
  return [{ name: "stopping", forced: true, failure }, { type: "clear-deadline" }, { type: "kill-qemu" }];
}

/** The VM is no more, for this reason. */
export function failed(error: ErrorReport): Step {
  return [{ name: "failed", error }, { type: "clear-deadline" }, { type: "finish" }];
}
