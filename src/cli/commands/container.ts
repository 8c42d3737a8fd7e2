/** `qn container`: the guest's machines of systemd-nspawn, NixOS' containers among them. */
import type { Group } from "../tree.ts";

export const command: Group = {
  commands: {
    ls: {
      description: "List them, running or not, with their addresses",
      example: "qn container ls",
      load: () => import("./container/ls.ts"),
    },
    shell: {
      description: "Open a root shell in one, or run a command: qn container shell NAME -- command…",
      example: "qn container shell site",
      load: () => import("./container/shell.ts"),
    },
    start: {
      description: "Start one",
      example: "qn container start site",
      load: () => import("./container/start.ts"),
    },
    stop: {
      description: "Stop one",
      example: "qn container stop web/site",
      load: () => import("./container/stop.ts"),
    },
    logs: {
      description: "Show what one has said",
      example: "qn container logs site --follow",
      load: () => import("./container/logs.ts"),
    },
  },
};
