/** `qn image`: the read-only base disks that VMs start from. */
import { defineCommand } from "citty";
import { command, jsonArg } from "../command.ts";

const archArg = {
  type: "string",
  description: "x86_64 or aarch64; this machine's by default",
  valueHint: "ARCH",
} as const;

const build = command({
  name: "image build",
  description: "Build the Debian guest image, or a flake's NixOS one; nothing to do when it is up to date",
  examples: ["qn image build", "qn image build --fresh", "qn image build --guest nixos --flake .#guest"],
  args: {
    guest: { type: "string", default: "debian", description: "What it is: debian or nixos", valueHint: "KIND" },
    name: { type: "string", description: "The image's name; its kind by default", valueHint: "NAME" },
    arch: archArg,
    flake: { type: "string", description: "Where the NixOS guest is declared", valueHint: "FLAKE#NAME" },
    builder: { type: "string", description: "The VM in which Nix builds it, on a Mac", valueHint: "VM" },
    fresh: { type: "boolean", description: "Take today's packages, not those of the last build" },
  },
  async run({ args }) {
    const { buildImage } = await import("./image-run.ts");
    const { guest, name = guest, arch, flake, builder, fresh } = args;
    await buildImage({ guest, name, arch, flake, builder, isFresh: fresh === true });
  },
});

const ls = command({
  name: "image ls",
  description: "List the images",
  examples: ["qn image ls"],
  args: { json: jsonArg },
  async run({ args }) {
    const { showImages } = await import("./image-run.ts");
    await showImages(args.json === true);
  },
});

const rm = command({
  name: "image rm",
  description: "Remove an image that no VM uses",
  examples: ["qn image rm debian"],
  args: { name: { type: "positional", required: true, description: "The image's name" }, arch: archArg },
  async run({ args }) {
    const { removeUnusedImage } = await import("./image-run.ts");
    await removeUnusedImage(args.name, args.arch);
  },
});

export const image = defineCommand({
  meta: { name: "image", description: "Build, list and remove guest images" },
  subCommands: { build, ls, rm },
});
