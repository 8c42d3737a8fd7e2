/** The life of a VM that nobody uses: paused, suspended, asleep. A part of `machine.ts`, and as pure. */
import { failed, giveUp, stopping, suspended, wake } from "./outcomes.ts";
import type { Event, Limits, State, Step } from "./states.ts";

/** Links and Docker are let go of meanwhile; only QEMU, the one who saves it and persons have a say. */
export function whileSuspending(state: Extract<State, { name: "suspending" }>, event: Event, limits: Limits): Step {
  switch (event.type) {
    case "suspended":
      if (state.next === "asleep") return [{ name: "asleep" }, { type: "keep-watch" }];
      return state.next === "wake" ? wake : suspended;
    case "wake":
      // Saved it is in a moment, and goes on right after.
      return state.next === "asleep" ? [{ ...state, next: "wake" }] : [state];
    case "suspend":
      // A person's word counts more, and is answered as if it had come first.
      if (event.isByItself || state.next === undefined || state.next === "stop") return [state];
      return [{ name: "suspending" }, { type: "suspend" }];
    case "suspend-failed":
      if (state.next === "stop") return stopping(false, limits);
      return [{ name: "degraded", silent: "agent" }, { type: "dial-gate" }];
    case "qemu-exited":
      return failed(event.error);
    case "failure":
      return giveUp(event.error);
    case "stop":
      if (event.force) return [{ name: "stopping", forced: true, failure: undefined }, { type: "kill-qemu" }];
      // A guest may never answer, and whoever waits for its end is not to wait for that.
      return [{ name: "suspending", next: "stop" }, { type: "call-off-suspend" }];
    case "adopted":
    case "prepared":
    case "disks-ready":
    case "stalled":
    case "doorbell":
    case "linked":
    case "link-lost":
    case "docker-answers":
    case "docker-down":
    case "provisioning":
    case "waits":
    case "resumed":
    case "guest-reset":
    case "deadline":
    case "pause":
      return [state];
  }
}

/** Nothing runs: there is nobody but those who want it, or want it down. */
export function whileAsleep(state: State, event: Event): Step {
  if (event.type === "wake") return wake;
  // It is as it should be for both; whether its memory is kept is the business of whoever asks.
  return event.type === "stop" || (event.type === "suspend" && !event.isByItself) ? suspended : [state];
}

/** The guest stands still: it says nothing, and whoever wants anything of it has it go on first. */
export function whilePaused(state: Extract<State, { name: "paused" }>, event: Event, limits: Limits): Step {
  const kept = state.isAdopted === true ? ({ isAdopted: true } as const) : {};
  switch (event.type) {
    case "wake":
      return [{ name: "running", ...kept }, { type: "go-on" }];
    case "waits":
      // What it was just writing did not fit: that is looked after, and tried again.
      return [{ name: "degraded", silent: "waiting", ...kept }, { type: "go-on" }];
    case "suspend":
      return event.isByItself
        ? [{ name: "suspending", next: "asleep" }, { type: "go-on" }, { type: "suspend", isByItself: true }]
        : [{ name: "suspending" }, { type: "go-on" }, { type: "suspend" }];
    case "stop": {
      // It came too late for the start.
      if (event.isCallOff && state.isAdopted) return [state];
      const [next, ...effects] = stopping(event.force, limits);
      return event.force ? [next, ...effects] : [next, { type: "go-on" }, ...effects];
    }
    case "qemu-exited":
      return failed(event.error);
    case "failure":
      return giveUp(event.error);
    case "adopted":
    case "prepared":
    case "disks-ready":
    case "stalled":
    case "doorbell":
    case "linked":
    case "link-lost":
    case "docker-answers":
    case "docker-down":
    case "provisioning":
    case "resumed":
    case "guest-reset":
    case "suspended":
    case "suspend-failed":
    case "pause":
    case "deadline":
      return [state];
  }
}
