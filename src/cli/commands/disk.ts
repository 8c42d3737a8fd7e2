/** `qn disk`: the disks of a VM that are its own. */
import type { Group } from "../tree.ts";

export const command: Group = {
  commands: {
    ls: {
      description: "List a VM's disks",
      aliases: ["list"],
      example: "qn disk ls",
      load: () => import("./disk/ls.ts"),
    },
    add: {
      description: "Give a VM one more disk",
      example: "qn disk add db 20",
      load: () => import("./disk/add.ts"),
    },
    rm: {
      description: "Remove a disk from a VM; its data stays unless --data is given",
      aliases: ["remove"],
      example: "qn disk rm db",
      load: () => import("./disk/rm.ts"),
    },
  },
  default: "ls",
};
