/** `qn mounts`: the folders that a VM sees, and what is kept of their owners. */
import type { Group } from "../tree.ts";

export const command: Group = {
  commands: {
    ls: {
      description: "List the mounted folders and the containers that use them",
      aliases: ["list", "show"],
      example: "qn mounts ls",
      load: () => import("./mounts/ls.ts"),
    },
    "forget-owners": {
      description: "Forget which users of containers own what is in a folder",
      example: "qn mounts forget-owners ~/data",
      load: () => import("./mounts/forget-owners.ts"),
    },
  },
  default: "ls",
};
