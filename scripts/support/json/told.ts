/** What is printed as it happens, and when something fails, in words. */
import type { JsonOutputs } from "../../../src/cli/json-outputs.ts";
import type { Output } from "./fields.ts";
import { forward, phases, states, status } from "./shared.ts";

/** By the command that prints it. */
export const aboutEvents: { readonly [Name in keyof Pick<JsonOutputs, "events" | "failure">]: Output<Name> } = {
  events: {
    is: "lines",
    text:
      "One object a line, of `qn events --json` and `qn up --json`. Which fields are there depends on `event`; " +
      "`qn up` ends with `status`.",
    fields: {
      at: ["text", "When, in UTC (ISO 8601)"],
      event: [
        "text",
        "What happened",
        {
          status: "",
          ports: "",
          phase: "",
          state: "",
          warning: "",
          fetching: "",
          provision: "",
          running: "",
          degraded: "",
          stopped: "",
          failed: "",
        },
      ],
      status: ["object", "`status`: as `qn status` prints it", status],
      ports: ["list of objects", "`ports`: as in `qn ports ls`", forward],
      phase: ["text", "`phase`: how far a start is", phases],
      sinceMs: ["number", "`phase`, `running`: milliseconds since the supervisor began"],
      state: ["text", "`state`: as in `qn status`", states],
      reason: ["text or null", "`state`, `degraded`: why"],
      text: ["text", "`warning`, `fetching`: words for a person"],
      step: ["number", "`provision`: which command of the setting"],
      of: ["number", "`provision`: how many there are"],
      forced: ["boolean", "`stopped`: whether it was killed"],
      suspended: [
        "object, or not there",
        "`stopped`: it is suspended, and goes on with the next `qn up`",
        {
          containers: ["list of text", "Containers that were stopped because they hold mounts; they start again then"],
        },
      ],
      error: [
        "object",
        "`failed`: as in a failure; the exit status stands there",
        {
          code: ["text", "See [Errors](errors.md)"],
          message: ["text", "What happened"],
          hint: ["text", "What to do"],
          details: ["list of text, or not there", "Further lines, such as the last ones of a log"],
        },
      ],
    },
  },
  failure: {
    is: "lines",
    text: "What any command prints in the place of its answer when it fails and `--json` was given, as one object on one line.",
    fields: {
      error: [
        "object",
        "The failure",
        {
          code: ["text", "See [Errors](errors.md)"],
          message: ["text", "What happened"],
          hint: ["text", "What to do"],
          status: ["number", "The exit status"],
          details: ["list of text", "Further lines, such as the last ones of a log"],
        },
      ],
    },
  },
};
