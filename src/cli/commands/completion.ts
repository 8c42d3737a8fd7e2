/** `qn completion`: what makes a shell complete qn's command line. */
import { QnError } from "../../base/errors.ts";
import { defineCommand } from "../command.ts";
import { completionScripts } from "../completion/scripts.ts";
import { output } from "../terminal/output.ts";

export const command = defineCommand({
  examples: ["qn completion fish | source"],
  args: { shell: { type: "positional", required: true, description: "bash, zsh or fish" } },
  async run({ args }) {
    const script = Object.hasOwn(completionScripts, args.shell) ? completionScripts[args.shell] : undefined;
    if (script === undefined) {
      const shells = Object.keys(completionScripts).join(", ");
      throw new QnError("USAGE", `There is no completion for "${args.shell}"; there is for ${shells}.`);
    }
    output(script);
  },
});
