/** `qn ssh`: a shell in the guest, or one command with its exit status, input and signals. */
import { QnError } from "../../base/errors.ts";
import { sshCommand } from "../../host/integrate/ssh-command.ts";
import { shareMaster, unsharedWords } from "../../host/integrate/ssh-master.ts";
import { statusOfVm } from "../../host/lifecycle/status.ts";
import { defineCommand, vmArg, wordsBehindDashes } from "../command.ts";
import { runForeground } from "../terminal/foreground.ts";
import { vmNamed } from "../vm-here.ts";

export const command = defineCommand({
  examples: ["qn ssh web -- uname -a", "qn ssh -A -- git fetch"],
  args: {
    vm: vmArg,
    agent: { type: "boolean", alias: "A", description: "Let the guest use your ssh agent's keys while this lasts" },
  },
  passthrough: true,
  async run({ args, rawArgs }) {
    // Without a VM's name citty takes the command's first word for it.
    const words = wordsBehindDashes(rawArgs);
    const own = words === undefined ? rawArgs : rawArgs.slice(0, rawArgs.indexOf("--"));
    const { paths } = vmNamed(own.some((word) => !word.startsWith("-")) ? args.vm : "default");
    const status = await statusOfVm(paths, process.env);
    if (status.ssh.port === null && status.state !== "degraded") {
      throw new QnError("NOT_RUNNING", `The VM "${paths.name}" is ${status.state}.`);
    }
    if (args.agent === true && (process.env["SSH_AUTH_SOCK"] ?? "") === "") {
      throw new QnError("USAGE", "There is no ssh agent to let the guest use: SSH_AUTH_SOCK is not set.", {
        hint: 'Start one with: eval "$(ssh-agent)" && ssh-add',
      });
    }
    using shared = args.agent === true ? undefined : await shareMaster(paths, "user");
    // A connection that is shared would lend the agent's keys for longer than this command, or not at all.
    const options = shared?.words ?? ["-A", ...unsharedWords];
    const ssh = sshCommand(paths, status.mounts, process.cwd(), words, process.stdin.isTTY, options);
    process.exitCode = (await runForeground(ssh)).exitCode;
  },
});
