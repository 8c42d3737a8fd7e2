/** `qn container`: the guest's machines of systemd-nspawn, NixOS' containers among them. */
import type { Group } from "../tree.ts";

export const command: Group = {
  commands: {
    ls: {
      description: "List the containers, running or not, with their addresses",
      aliases: ["list", "ps"],
      example: "qn container ls",
      load: () => import("./container/ls.ts"),
    },
    shell: {
      description: "Open a root shell in a container, or run a command there",
      usage: "container shell NAME [-- COMMAND...]",
      example: "qn container shell site",
      load: () => import("./container/shell.ts"),
    },
    start: {
      description: "Start a container",
      example: "qn container start site",
      load: () => import("./container/start.ts"),
    },
    stop: {
      description: "Stop a container",
      example: "qn container stop web/site",
      load: () => import("./container/stop.ts"),
    },
    logs: {
      description: "Show the log of a container",
      example: "qn container logs site --follow",
      load: () => import("./container/logs.ts"),
    },
  },
};
