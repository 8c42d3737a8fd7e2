/** `qn env`: the variables that make Docker clients use the VM, for eval and direnv. */
import { requireVm } from "../../host/vm/require-vm.ts";
import { defineCommand, vmArg } from "../command.ts";
import { renderEnv } from "../terminal/env-lines.ts";
import { output } from "../terminal/output.ts";
import { vmNamed } from "../vm-here.ts";

export const command = defineCommand({
  examples: ["echo 'eval \"$(qn env)\"' >> .envrc   # direnv", "qn env --shell fish | source"],
  args: {
    vm: vmArg,
    shell: { type: "string", default: "bash", description: "bash, zsh, fish or json", valueHint: "SHELL" },
  },
  async run({ args }) {
    const { paths } = vmNamed(args.vm);
    // A name that was mistyped would lead docker to a socket that is never there.
    await requireVm(paths);
    output(renderEnv(args.shell, paths.dockerSocket));
  },
});
