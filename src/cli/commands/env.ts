/** `qn env`: the variables that make Docker clients use the VM, for eval and direnv. */
import { defineCommand, vmArg } from "../command.ts";
import { renderEnv } from "../terminal/env-lines.ts";
import { vmNamed } from "../vm-here.ts";

export const command = defineCommand({
  examples: ["echo 'eval \"$(qn env)\"' >> .envrc   # direnv", "qn env --shell fish | source"],
  args: {
    vm: vmArg,
    shell: { type: "string", default: "bash", description: "bash, zsh, fish or json", valueHint: "SHELL" },
  },
  async run({ args }) {
    process.stdout.write(renderEnv(args.shell, vmNamed(args.vm).paths.dockerSocket));
  },
});
