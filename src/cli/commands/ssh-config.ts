/** `qn ssh-config`: what ssh, scp and everything built on them need to find the guest. */
import { QnError } from "../../base/errors.ts";
import { requireVm } from "../../host/vm/require-vm.ts";
import { readTextIfThere } from "../../system/files.ts";
import { defineCommand, vmArg } from "../command.ts";
import { output } from "../terminal/output.ts";
import { vmNamed } from "../vm-here.ts";

export const command = defineCommand({
  examples: ["ssh -F <(qn ssh-config web) qn-web"],
  args: { vm: vmArg },
  async run({ args }) {
    const { layout, paths } = vmNamed(args.vm);
    await requireVm(paths);
    const text = await readTextIfThere(paths.sshConfig);
    if (text === undefined) throw new QnError("NOT_RUNNING", `The VM "${paths.name}" has not been started yet.`);
    output(`# The port changes at each start. This line in ~/.ssh/config has every VM, always as it is now:
#   Include ${layout.sshConfig}
${text}`);
  },
});
