/** `qn completion` and the hidden `qn complete`: completion of qn's command line in a shell. */
import type { CommandDef } from "citty";
import { QnError } from "../../base/errors.ts";
import { command, wordsBehindDashes } from "../command.ts";

export const completion = command({
  name: "completion",
  description: "Print what makes a shell complete qn's commands, flags and VMs",
  examples: ['eval "$(qn completion bash)"', "qn completion fish | source"],
  args: { shell: { type: "positional", required: true, description: "bash, zsh or fish" } },
  async run({ args }) {
    const { completionScripts } = await import("../completion/scripts.ts");
    const script = Object.hasOwn(completionScripts, args.shell) ? completionScripts[args.shell] : undefined;
    if (script === undefined) {
      const shells = Object.keys(completionScripts).join(", ");
      throw new QnError("USAGE", `There is no completion for "${args.shell}"; there is for ${shells}.`);
    }
    process.stdout.write(script);
  },
});

/** The hidden command that the scripts call. `root` is the tree that it is itself a part of. */
export function completeFor(root: () => CommandDef): CommandDef {
  return command({
    name: "complete",
    description: "Print what may come next on a command line",
    hidden: true,
    passthrough: true,
    async run({ rawArgs }) {
      const [{ candidates }, { layoutHere }, { vmNames }, { listImages }] = await Promise.all([
        import("../completion/words.ts"),
        import("../vm-here.ts"),
        import("../../host/lifecycle/status.ts"),
        import("../../host/image/store.ts"),
      ]);
      const found = await candidates(root(), wordsBehindDashes(rawArgs) ?? [], {
        vms: () => vmNames(layoutHere()),
        images: async () => (await listImages(layoutHere().images)).map(({ manifest }) => manifest.name),
      });
      process.stdout.write(
        found.map(({ word, about }) => (about === "" ? `${word}\n` : `${word}\t${about}\n`)).join(""),
      );
    },
  });
}
