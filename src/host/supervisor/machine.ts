/** The life of a VM as a pure state machine: what has happened goes in, what to do next comes out. */
import { lateness, provisionMs, resetsMax, silentBoot } from "./lateness.ts";
import { adopted, failed, giveUp, stopping, suspended, wake } from "./outcomes.ts";
import { whileAsleep, whilePaused, whileSuspending } from "./unused.ts";
import type { Effect, Event, Limits, Phase, Silent, State, Step } from "./states.ts";

/** The next state after `event`, and what to do. What makes no difference in a state changes nothing. */
export function step(state: State, event: Event, limits: Limits): Step {
  switch (state.name) {
    case "starting":
      return whileStarting(state, event, limits);
    case "running":
    case "degraded":
      return whileUp(state, event, limits);
    case "suspending":
      return whileSuspending(state, event, limits);
    case "asleep":
      return whileAsleep(state, event);
    case "paused":
      return whilePaused(state, event, limits);
    case "stopping":
      return whileStopping(state, event);
    case "stopped":
    case "failed":
      return [state];
  }
}

// --- internal ---

const dial: Effect = { type: "dial-gate" };

/** Ends this supervisor alone: the VM ran before it, and its containers run on until the next one takes it over. */
const letGo: Step = [{ name: "stopped", forced: false }, { type: "clear-deadline" }, { type: "finish" }];

function whileStarting(state: Extract<State, { name: "starting" }>, event: Event, limits: Limits): Step {
  const to = (phase: Phase): State => ({ ...state, phase });
  switch (event.type) {
    case "adopted":
      return adopted(state, limits);
    case "prepared": {
      // A guest that was to go on may have died at that.
      const { isAdopted: _given, ...anew } = state;
      return [{ ...anew, phase: "disks" }];
    }
    case "disks-ready":
      return [to("boot"), { type: "set-deadline", ms: limits.bootMs }];
    case "stalled":
      // A guest that is stopped says nothing, and would lose its write.
      if (state.phase !== "boot" || state.isWaiting) return [state];
      if (state.resets >= resetsMax) return giveUp(silentBoot());
      return [{ ...state, resets: state.resets + 1 }, { type: "reset-guest" }];
    case "doorbell":
      // Ringing again while the gate is being dialled means that the agent was started anew: dial again.
      return [to("agent"), dial];
    case "linked":
      return [to("docker"), { type: "ping-docker" }];
    case "link-lost":
      return [to("agent")];
    case "provisioning": {
      const { isProvisioning: _before, ...calm } = state;
      if (state.phase !== "agent" && state.phase !== "docker") return [state];
      return event.isBusy
        ? [
            { ...calm, isProvisioning: true },
            { type: "set-deadline", ms: provisionMs },
          ]
        : [calm, { type: "set-deadline", ms: limits.bootMs }];
    }
    case "docker-answers":
      return [{ name: "running", ...(state.isAdopted && { isAdopted: true }) }, { type: "clear-deadline" }];
    case "waits":
      return [{ ...state, isWaiting: true }];
    case "resumed": {
      const { isWaiting, ...calm } = state;
      // What it still needs counts from now on.
      const ms = state.isProvisioning ? provisionMs : limits.bootMs;
      return isWaiting ? [calm, { type: "set-deadline", ms }] : [state];
    }
    case "wake":
      return [state.phase === "image" ? { ...state, isWanted: true } : state];
    case "suspended":
      // It was, before this supervisor began.
      return state.isWanted ? wake : [{ name: "asleep" }, { type: "keep-watch" }];
    case "docker-down":
    case "guest-reset":
    case "suspend":
    case "suspend-failed":
    case "pause":
      return [state];
    case "deadline":
      return giveUp(lateness(state, limits));
    case "failure":
      return giveUp(event.error);
    case "qemu-exited":
      // Nothing that is worth saving runs yet (decision D253); what crashes twice is broken.
      if (state.phase !== "boot" || !event.hasCrashed || state.isSecondTry) return failed(event.error);
      return [
        { name: "starting", phase: "boot", resets: 0, isSecondTry: true },
        { type: "set-deadline", ms: limits.bootMs },
        { type: "start-qemu-again" },
      ];
    case "stop":
      if (state.phase === "image" || state.phase === "disks") {
        return [{ name: "stopped", forced: event.force }, { type: "finish" }];
      }
      if (event.isCallOff && state.isAdopted) return letGo;
      // Firmware and early kernel do not listen to the power button, and nothing that is worth saving runs yet.
      return stopping(event.force || state.phase === "boot", limits);
  }
}

function whileUp(state: Extract<State, { name: "running" | "degraded" }>, event: Event, limits: Limits): Step {
  // While the whole guest is silent, that is why the others are.
  const isWaiting = state.name === "degraded" && state.silent === "waiting";
  const kept = state.isAdopted === true ? ({ isAdopted: true } as const) : {};
  const silent = (who: Silent): State => ({ name: "degraded", silent: who, ...kept });
  const isWhole = isWaiting || (state.name === "degraded" && ["panicked", "rebooted"].includes(state.silent));
  switch (event.type) {
    case "doorbell":
      return [state, { type: "dial-gate" }];
    case "linked":
      return [state, { type: "ping-docker" }];
    case "docker-answers":
      return [isWaiting ? state : { name: "running", ...kept }];
    case "docker-down":
      return [isWhole ? state : silent("docker")];
    case "link-lost":
      return [isWhole ? state : silent("agent")];
    case "waits":
      return [silent("waiting")];
    case "guest-reset":
      return [silent(event.hasPanicked ? "panicked" : "rebooted")];
    case "resumed":
      return isWaiting ? [silent("docker"), { type: "ping-docker" }] : [state];
    case "qemu-exited":
      return failed(event.error);
    case "failure":
      return giveUp(event.error);
    case "stop":
      // It came too late for the start, and what was taken over runs on.
      if (event.isCallOff && state.isAdopted) return state.name === "running" ? [state] : letGo;
      return stopping(event.force, limits);
    case "suspend":
      if (state.name !== "running") return [state];
      return event.isByItself
        ? [
            { name: "suspending", next: "asleep" },
            { type: "suspend", isByItself: true },
          ]
        : [{ name: "suspending" }, { type: "suspend" }];
    case "pause":
      return state.name === "running" ? [{ name: "paused", ...kept }, { type: "pause" }] : [state];
    case "adopted":
    case "prepared":
    case "disks-ready":
    case "stalled":
    case "deadline":
    case "provisioning":
    case "suspended":
    case "suspend-failed":
    case "wake":
      return [state];
  }
}

function whileStopping(state: Extract<State, { name: "stopping" }>, event: Event): Step {
  switch (event.type) {
    case "suspended":
      // A kill that came too late.
      return suspended;
    case "qemu-exited":
      return state.failure === undefined
        ? [{ name: "stopped", forced: state.forced }, { type: "clear-deadline" }, { type: "finish" }]
        : failed(state.failure);
    case "deadline":
      return state.forced ? [state] : [{ ...state, forced: true }, { type: "kill-qemu" }];
    case "stop":
      if (!event.force || state.forced) return [state];
      return [{ ...state, forced: true }, { type: "clear-deadline" }, { type: "kill-qemu" }];
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
    case "suspend":
    case "suspend-failed":
    case "pause":
    case "wake":
    case "failure":
      return [state];
  }
}
