/** `qn nix-builder disable`: takes it back; the guest lets the key in until its next start. */
import { changeFile } from "../../../host/config/change.ts";
import { changeEtc } from "../../../host/integrate/nix-builder.ts";
import { effectiveConfig } from "../../../host/vm/settings.ts";
import { isThere } from "../../../system/files.ts";
import { defineCommand, vmArg } from "../../command.ts";
import { succeed } from "../../terminal/show.ts";
import { vmNamed } from "../../vm-here.ts";

export const command = defineCommand({
  args: { vm: vmArg, sudo: { type: "boolean", description: "Ask sudo for the right to change /etc" } },
  async run({ args }) {
    const { paths } = vmNamed(args.vm);
    await changeEtc({ paths, mayUseSudo: args.sudo === true });
    if (await isThere(paths.config)) {
      const { config } = await effectiveConfig(paths, process.env);
      if (config.nixBuilder) await changeFile(paths.config, new Map([["nixBuilder", undefined]]));
    }
    succeed(`Nix of this machine does not build in the VM "${paths.name}" any more.`);
  },
});
