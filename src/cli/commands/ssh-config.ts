/** `qn ssh-config`: what ssh, scp and everything built on them need to find the guest. */
import { command, vmArg } from "../command.ts";

export const sshConfig = command({
  name: "ssh-config",
  description: "Print the guest's part of ~/.ssh/config",
  examples: ["qn ssh-config >> ~/.ssh/config", "ssh -F <(qn ssh-config web) qn-web"],
  args: { vm: vmArg },
  async run({ args }) {
    const [{ readTextIfThere }, { vmHere }, { QnError }] = await Promise.all([
      import("../../system/files.ts"),
      import("../vm-here.ts"),
      import("../../base/errors.ts"),
    ]);
    const { layout, paths } = vmHere(args.vm);
    const text = await readTextIfThere(paths.sshConfig);
    if (text === undefined) throw new QnError("NOT_RUNNING", `The VM "${paths.name}" has not been started yet.`);
    process.stdout
      .write(`# The port changes at each start. This line in ~/.ssh/config has every VM, always as it is now:
#   Include ${layout.sshConfig}
${text}`);
  },
});
