/** `qn nix-builder enable`: makes a VM a builder: its setting, and Nix' and ssh's entries. */
import { changeFile } from "../../../host/config/change.ts";
import { builderHost, changeEtc } from "../../../host/integrate/nix-builder.ts";
import { statusOfVm } from "../../../host/lifecycle/status.ts";
import { requireVm } from "../../../host/vm/require-vm.ts";
import { effectiveConfig } from "../../../host/vm/settings.ts";
import { isThere } from "../../../system/files.ts";
import { defineCommand, vmArg } from "../../command.ts";
import { say, succeed } from "../../terminal/show.ts";
import { vmNamed } from "../../vm-here.ts";

export const command = defineCommand({
  examples: ["qn nix-builder enable web --sudo"],
  args: { vm: vmArg, sudo: { type: "boolean", description: "Ask sudo for the right to change /etc" } },
  async run({ args }) {
    const { paths } = vmNamed(args.vm);
    await requireVm(paths);
    const { config } = await effectiveConfig(paths, process.env);
    // First what may be refused because the VM is declared elsewhere.
    if (!config.nixBuilder) await changeFile(paths.config, new Map([["nixBuilder", true]]));
    await changeEtc({ paths, config, mayUseSudo: args.sudo === true });
    succeed(
      `Nix of this machine builds ${config.arch}-linux in the VM "${paths.name}", as ${builderHost(paths.name)}.`,
    );
    const { state } = await statusOfVm(paths, process.env);
    const knows = await isThere(paths.builderSshConfig);
    if (state === "running" && !knows) say(`  It does from its next start on: qn restart ${paths.name}`);
  },
});
