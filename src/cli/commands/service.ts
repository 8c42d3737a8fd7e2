/** `qn service`: a VM that starts at login and is started again when it crashes. */
import type { Group } from "../tree.ts";

export const command: Group = {
  commands: {
    install: {
      description: "Start a VM now and at each login, and again should it crash; not after `qn down`",
      example: "qn service install",
      load: () => import("./service/install.ts"),
    },
    uninstall: {
      description: "Take it back; a VM that the service runs is shut down",
      example: "qn service uninstall",
      load: () => import("./service/uninstall.ts"),
    },
    status: {
      description: "Say whether it is installed and active; the exit status is 3 when it is not installed",
      example: "qn service status --json",
      load: () => import("./service/status.ts"),
    },
  },
};
