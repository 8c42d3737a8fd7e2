/** `qn socket`: Docker's usual socket path, for programs that look nowhere else. */
import type { Group } from "../tree.ts";

export const command: Group = {
  commands: {
    link: {
      description: "Point /var/run/docker.sock to a VM; refused while another daemon answers there",
      example: "qn socket link",
      load: () => import("./socket/link.ts"),
    },
    unlink: {
      description: "Remove the link at /var/run/docker.sock, if it is qn's",
      example: "qn socket unlink --sudo",
      load: () => import("./socket/unlink.ts"),
    },
    status: {
      description: "Show what is at /var/run/docker.sock",
      example: "qn socket status",
      load: () => import("./socket/status.ts"),
    },
  },
};
