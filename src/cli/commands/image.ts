/** `qn image`: the read-only base disks that VMs start from. */
import type { Group } from "../tree.ts";

export const command: Group = {
  commands: {
    build: {
      description: "Build the Debian guest image, or a flake's NixOS one; nothing to do when it is up to date",
      example: "qn image build",
      load: () => import("./image/build.ts"),
    },
    pull: {
      description: "Fetch the newest image that fits, or one of a version",
      usage: "image pull [NAME[@VERSION]] [OPTIONS]",
      example: "qn image pull",
      load: () => import("./image/pull.ts"),
    },
    ls: {
      description: "List the images, with the VMs that need them and what they take",
      aliases: ["list"],
      example: "qn image ls",
      load: () => import("./image/ls.ts"),
    },
    import: {
      description: "Take in a disk from a file: qcow2 or raw, also compressed with zstd",
      example: "qn image import guest.qcow2.zst --name debian",
      load: () => import("./image/import.ts"),
    },
    rm: {
      description: "Remove an image that no VM needs",
      aliases: ["remove", "delete"],
      example: "qn image rm debian",
      load: () => import("./image/rm.ts"),
    },
    prune: {
      description: "Remove the images that have no name any more and that no VM needs",
      example: "qn image prune",
      load: () => import("./image/prune.ts"),
    },
    rollback: {
      description: "Let a stopped VM go back to the image that it had before; its data stay",
      example: "qn image rollback",
      load: () => import("./image/rollback.ts"),
    },
  },
};
