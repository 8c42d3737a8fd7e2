/** The supervisor's own log, whose lines have their time. */
import { plain } from "../../base/plain.ts";
import { sayAsError } from "../../system/standard-error.ts";
import type { State } from "./states.ts";

/** Writes lines of a log, standard error unless given; one each, whatever words of the guest's are in it. */
export function logTo(write: (line: string) => void = sayAsError): (text: string) => void {
  return (text) => write(`${new Date().toISOString()} ${plain(text)}\n`);
}

/** A state as one word and its detail. */
export function describe(state: State): string {
  switch (state.name) {
    case "starting":
      return `starting (${state.phase}${state.isWaiting ? ", waiting" : ""})`;
    case "degraded":
      return `degraded (${state.silent} is silent)`;
    case "suspending":
      return state.next === undefined ? state.name : `suspending, ${state.next} next`;
    case "running":
    case "asleep":
    case "paused":
    case "stopping":
    case "stopped":
    case "failed":
      return state.name;
  }
}
