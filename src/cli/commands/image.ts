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
      description: "List the images",
      aliases: ["list"],
      example: "qn image ls",
      load: () => import("./image/ls.ts"),
    },
    rm: {
      description: "Remove an image that no VM uses",
      aliases: ["remove", "delete"],
      example: "qn image rm debian",
      load: () => import("./image/rm.ts"),
    },
  },
};
