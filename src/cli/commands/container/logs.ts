/** `qn container logs`: what one has said. Whoever follows it ends that with Ctrl-C, and is done then. */
import { containerCommand, throwIfRefused } from "../../../host/nixos/machines/machines-script.ts";
import { defineCommand } from "../../command.ts";
import { runForeground } from "../../terminal/foreground.ts";
import { containerNamed, nameArg } from "./named.ts";

export const command = defineCommand({
  args: { name: nameArg, follow: { type: "boolean", alias: "f", description: "Go on with what it says next" } },
  async run({ args }) {
    const { paths, name } = await containerNamed(args.name);
    const words = [name, ...(args.follow === true ? ["--follow"] : [])];
    const { exitCode, wasInterrupted } = await runForeground(containerCommand(paths, "logs", words));
    process.exitCode = wasInterrupted ? 0 : exitCode;
    await throwIfRefused(paths, "logs", name, exitCode);
  },
});
