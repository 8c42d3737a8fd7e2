/** What the life of a VM is made of: its states, what can happen, and what there is to do. */
import type { ErrorReport } from "../../base/errors.ts";

/** The phases of `qn up`, in order. */
export const phases = ["image", "disks", "boot", "agent", "docker"] as const;
export type Phase = (typeof phases)[number];

/** The states that `qn status` shows. A VM without a supervisor is "stopped" or, after a failure, "failed". */
export type State =
  | {
      readonly name: "starting";
      readonly phase: Phase;
      readonly resets: number;
      /** Whether QEMU crashed while the guest booted, and was started once more. */
      readonly isSecondTry?: true;
      /** Whether commands of the settings run in the guest. */
      readonly isProvisioning?: true;
      /** Whether somebody wants it awake who has come before it was found asleep. */
      readonly isWanted?: true;
      /** Whether QEMU has stopped the guest, because a disk of this machine takes no more. */
      readonly isWaiting?: true;
      /** Whether QEMU is that of a supervisor that has died. */
      readonly isAdopted?: true;
    }
  | { readonly name: "running"; readonly isAdopted?: true }
  | { readonly name: "degraded"; readonly silent: Silent; readonly isAdopted?: true }
  | { readonly name: "stopping"; readonly forced: boolean; readonly failure: ErrorReport | undefined }
  /**
   * `next` is what becomes of a VM that falls asleep by itself, and of one that somebody wants shut down, which it is
   * if it cannot be suspended; without it the supervisor ends.
   */
  | { readonly name: "suspending"; readonly next?: "asleep" | "wake" | "stop" }
  /** The guest is in a file, and whoever connects wakes it. */
  | { readonly name: "asleep" }
  /** Nobody uses the guest, which stands still in its QEMU, and whoever connects wakes it. */
  | { readonly name: "paused"; readonly isAdopted?: true }
  | { readonly name: "stopped"; readonly forced: boolean; readonly isSuspended?: true }
  | { readonly name: "failed"; readonly error: ErrorReport };

/** Where every life begins. */
export const initial: State = { name: "starting", phase: "image", resets: 0 };

/**
 * Who is silent in a VM that is not as it should be: the agent, Docker, or the whole guest, because it waits
 * for a disk of this machine or because it starts anew, after a panic of its kernel or a reboot.
 */
export type Silent = "agent" | "docker" | "waiting" | "panicked" | "rebooted";

/** What can happen. */
export type Event =
  | { readonly type: "adopted" }
  | { readonly type: "prepared" }
  | { readonly type: "disks-ready" }
  | { readonly type: "stalled" }
  | { readonly type: "doorbell" }
  | { readonly type: "linked" }
  | { readonly type: "link-lost" }
  | { readonly type: "provisioning"; readonly isBusy: boolean }
  | { readonly type: "waits" }
  | { readonly type: "guest-reset"; readonly hasPanicked: boolean }
  | { readonly type: "resumed" }
  | { readonly type: "docker-answers" }
  | { readonly type: "docker-down" }
  /** `isCallOff`: by whoever gave the VM its start, and only takes that back. */
  | { readonly type: "stop"; readonly force: boolean; readonly isCallOff?: boolean | undefined }
  /** `isByItself`: because nobody uses it. */
  | { readonly type: "suspend"; readonly isByItself?: true }
  | { readonly type: "suspended" }
  /** Nobody uses it, though containers may run. */
  | { readonly type: "pause" }
  /** Somebody has connected, or has asked for a VM that is up. */
  | { readonly type: "wake" }
  /** The guest goes on: it could not be saved. */
  | { readonly type: "suspend-failed" }
  | { readonly type: "deadline" }
  | { readonly type: "failure"; readonly error: ErrorReport }
  | { readonly type: "qemu-exited"; readonly error: ErrorReport; readonly hasCrashed?: boolean };

/**
 * What to do. Each is done once, in order, by `run.ts`. The start itself is none of them: it is one line of steps
 * (effects.ts), of which "prepared" and "disks-ready" tell.
 */
export type Effect =
  | { readonly type: "reset-guest" }
  | { readonly type: "start-qemu-again" }
  | { readonly type: "dial-gate" }
  | { readonly type: "ping-docker" }
  | { readonly type: "press-power-button" }
  | { readonly type: "suspend"; readonly isByItself?: true }
  | { readonly type: "call-off-suspend" }
  /** Takes the place of the guest at its doors. */
  | { readonly type: "keep-watch" }
  /** Stops the guest's processors, and has them go on. */
  | { readonly type: "pause" }
  | { readonly type: "go-on" }
  /** The start, once more. */
  | { readonly type: "wake" }
  | { readonly type: "kill-qemu" }
  | { readonly type: "set-deadline"; readonly ms: number }
  | { readonly type: "clear-deadline" }
  | { readonly type: "finish" };

/** How long things may take. */
export type Limits = { readonly bootMs: number; readonly stopGraceMs: number };

/** How long a guest may take to shut down before QEMU is ended: containers get 10 s of it to stop (docker stop). */
export const stopGraceMs = 90_000;

/** A state and what to do on the way into it. */
export type Step = readonly [State, ...Effect[]];
