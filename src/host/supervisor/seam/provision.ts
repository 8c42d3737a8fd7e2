/** What the supervisor makes of the commands that the settings run in the guest: patience, and words for a person. */
import type { ProvisionStep } from "../../../protocol/messages.ts";
import type { Hello } from "./guest-link.ts";
import type { Event } from "../states.ts";

/** Who hears of it. */
export type ProvisionTeller = {
  readonly dispatch: (event: Event) => void;
  /** A command has begun; both count from 1. */
  readonly onProvision: (step: number, of: number) => void;
  readonly warn: (text: string) => void;
};

/** The commands of one boot; `wanted` is how many the settings have. */
export class Provisioning {
  readonly #wanted: number;
  readonly #tell: ProvisionTeller;
  readonly #failed = new Set<number>();
  #running = -1;

  constructor(wanted: number, tell: ProvisionTeller) {
    this.#wanted = wanted;
    this.#tell = tell;
  }

  /** An agent that knows of no commands passes them over in silence. */
  onHello({ capabilities = [] }: Hello): void {
    if (this.#wanted === 0 || capabilities.includes("provision")) return;
    this.#tell.warn(
      "The guest's agent is too old for the setting provision, which is not run. Build the image again with `qn image build`.",
    );
  }

  /** Takes the state of all commands. */
  onSteps(steps: readonly ProvisionStep[]): void {
    const { dispatch, onProvision, warn } = this.#tell;
    for (const [index, { state, status, last }] of steps.entries()) {
      if (state !== "failed" || this.#failed.has(index)) continue;
      this.#failed.add(index);
      const said = last === undefined ? "" : ` It said last: ${last}`;
      warn(
        `Command ${index + 1} of ${steps.length} of the setting provision failed with status ${status}.${said} \`qn logs --source agent\` has all that it said; Docker starts all the same.`,
      );
    }
    const running = steps.findIndex(({ state }) => state === "running");
    if (running === this.#running) return;
    this.#running = running;
    if (running >= 0) onProvision(running + 1, steps.length);
    dispatch({ type: "provisioning", isBusy: running >= 0 });
  }
}
