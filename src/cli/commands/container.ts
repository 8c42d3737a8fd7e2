/** `qn container`: the guest's machines of systemd-nspawn, NixOS' containers among them. */
import { defineCommand } from "citty";
import { command, jsonArg, wordsBehindDashes } from "../command.ts";

const nameArg = { type: "positional", required: true, description: "The container, or VM/container" } as const;

const ls = command({
  name: "container ls",
  description: "List them, running or not, with their addresses",
  examples: ["qn container ls", "qn container ls web --json"],
  args: {
    vm: { type: "positional", required: false, default: "default", description: "Name of the VM" },
    json: jsonArg,
  },
  async run({ args }) {
    const { showContainers } = await import("./container-run.ts");
    await showContainers(args.vm, args.json === true);
  },
});

const shell = command({
  name: "container shell",
  description: "Open a root shell in one, or run a command: qn container shell NAME -- command…",
  examples: ["qn container shell site", "qn container shell web/site -- systemctl status nginx"],
  args: { name: nameArg },
  passthrough: true,
  async run({ args, rawArgs }) {
    const { openShell } = await import("./container-run.ts");
    await openShell(args.name, wordsBehindDashes(rawArgs) ?? []);
  },
});

const start = command({
  name: "container start",
  description: "Start one",
  examples: ["qn container start site"],
  args: { name: nameArg },
  async run({ args }) {
    const { change } = await import("./container-run.ts");
    await change("start", args.name);
  },
});

const stop = command({
  name: "container stop",
  description: "Stop one",
  examples: ["qn container stop web/site"],
  args: { name: nameArg },
  async run({ args }) {
    const { change } = await import("./container-run.ts");
    await change("stop", args.name);
  },
});

const logs = command({
  name: "container logs",
  description: "Show what one has said",
  examples: ["qn container logs site --follow"],
  args: { name: nameArg, follow: { type: "boolean", alias: "f", description: "Go on with what it says next" } },
  async run({ args }) {
    const { showLogs } = await import("./container-run.ts");
    await showLogs(args.name, args.follow === true);
  },
});

export const container = defineCommand({
  meta: { name: "container", description: "The guest's containers of systemd-nspawn and NixOS" },
  subCommands: { ls, shell, start, stop, logs },
});
