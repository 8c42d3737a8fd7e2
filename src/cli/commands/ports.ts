/** `qn ports`: the forwarded ports, and those that were made by hand. */
import type { Group } from "../tree.ts";

export const command: Group = {
  commands: {
    show: { description: "Show the forwarded ports", example: "qn ports show", load: () => import("./ports/show.ts") },
    add: {
      description: "Forward a port to the guest itself, now and at every start",
      example: "qn ports add 8080:80",
      load: () => import("./ports/add.ts"),
    },
    remove: {
      description: "Take away a forward that was made by hand",
      example: "qn ports remove 8080",
      load: () => import("./ports/remove.ts"),
    },
  },
  default: "show",
};
