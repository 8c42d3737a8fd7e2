/** `qn snapshot`: what a stopped VM was, to come back to. */
import type { Group } from "../tree.ts";

export const command: Group = {
  commands: {
    create: {
      description: "Keep a stopped VM's settings and disks as they are now",
      example: "qn snapshot create web before-upgrade",
      load: () => import("./snapshot/create.ts"),
    },
    ls: {
      description: "List a VM's snapshots",
      aliases: ["list"],
      example: "qn snapshot ls web",
      load: () => import("./snapshot/ls.ts"),
    },
    restore: {
      description: "Bring a stopped VM back to a snapshot, which stays",
      usage: "snapshot restore [VM] NAME",
      example: "qn snapshot restore web before-upgrade",
      load: () => import("./snapshot/restore.ts"),
    },
    rm: {
      description: "Remove a snapshot",
      aliases: ["remove", "delete"],
      usage: "snapshot rm [VM] NAME",
      example: "qn snapshot rm web before-upgrade",
      load: () => import("./snapshot/rm.ts"),
    },
  },
};
