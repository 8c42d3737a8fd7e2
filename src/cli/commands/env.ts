/** `qn env`: the variables that make Docker clients use the VM, for eval and direnv. */
import { command, vmArg } from "../command.ts";

export const env = command({
  name: "env",
  description: 'Print what makes docker use the VM: eval "$(qn env)"',
  examples: ['eval "$(qn env)"', "echo 'eval \"$(qn env)\"' >> .envrc   # direnv", "qn env --shell fish | source"],
  args: {
    vm: vmArg,
    shell: { type: "string", default: "bash", description: "bash, zsh, fish or json", valueHint: "SHELL" },
  },
  async run({ args }) {
    const [{ renderEnv }, { vmHere }] = await Promise.all([
      import("../terminal/env-lines.ts"),
      import("../vm-here.ts"),
    ]);
    process.stdout.write(renderEnv(args.shell, vmHere(args.vm).paths.dockerSocket));
  },
});
