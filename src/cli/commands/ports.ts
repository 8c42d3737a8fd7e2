/** `qn ports`: the forwarded ports, and those that were made by hand. */
import type { Group } from "../tree.ts";

export const command: Group = {
  commands: {
    ls: {
      description: "List the forwarded ports",
      aliases: ["list", "show"],
      example: "qn ports ls",
      load: () => import("./ports/ls.ts"),
    },
    add: {
      description: "Forward a port to the guest itself, now and at every start",
      example: "qn ports add 8080:80",
      load: () => import("./ports/add.ts"),
    },
    rm: {
      description: "Remove a forward that was made by hand",
      aliases: ["remove", "delete"],
      example: "qn ports rm 8080",
      load: () => import("./ports/rm.ts"),
    },
  },
  default: "ls",
};
