/** `qn service`: a VM that starts at login and is started again when it crashes. */
import type { Group } from "../tree.ts";

export const command: Group = {
  commands: {
    install: {
      description: "Start a VM now, at each login and after a crash; not after `qn down`",
      aliases: ["enable"],
      example: "qn service install",
      load: () => import("./service/install.ts"),
    },
    uninstall: {
      description: "Remove the service; a VM that it runs is shut down",
      aliases: ["disable"],
      example: "qn service uninstall",
      load: () => import("./service/uninstall.ts"),
    },
    status: {
      description: "Show whether it is installed and active; exits 3 if it is not installed",
      example: "qn service status --json",
      load: () => import("./service/status.ts"),
    },
  },
};
