/** `qn nix-builder`: a VM builds for this machine's Nix. */
import { defineCommand } from "citty";
import { command, vmArg } from "../command.ts";

const sudoArg = { type: "boolean", description: "Ask sudo for the right to change /etc" } as const;

const enable = command({
  name: "nix-builder enable",
  description: "Let this machine's Nix build Linux derivations in a VM",
  examples: ["qn nix-builder enable --sudo", "qn nix-builder enable web --sudo"],
  args: { vm: vmArg, sudo: sudoArg },
  async run({ args }) {
    const { enableBuilder } = await import("./nix-builder-run.ts");
    await enableBuilder(args.vm, args.sudo === true);
  },
});

const disable = command({
  name: "nix-builder disable",
  description: "Take that back",
  examples: ["qn nix-builder disable --sudo"],
  args: { vm: vmArg, sudo: sudoArg },
  async run({ args }) {
    const { disableBuilder } = await import("./nix-builder-run.ts");
    await disableBuilder(args.vm, args.sudo === true);
  },
});

export const nixBuilder = defineCommand({
  meta: { name: "nix-builder", description: "Let this machine's Nix build in a VM" },
  subCommands: { enable, disable },
});
