/** `qn socket`: Docker's usual socket path, for programs that look nowhere else. */
import type { Group } from "../tree.ts";

export const command: Group = {
  commands: {
    link: {
      description: "Make /var/run/docker.sock lead to a VM; never in place of a daemon that answers",
      example: "qn socket link",
      load: () => import("./socket/link.ts"),
    },
    unlink: {
      description: "Remove the link at /var/run/docker.sock, if it is qn's",
      example: "qn socket unlink --sudo",
      load: () => import("./socket/unlink.ts"),
    },
    status: {
      description: "Say what is at /var/run/docker.sock",
      example: "qn socket status",
      load: () => import("./socket/status.ts"),
    },
  },
};
