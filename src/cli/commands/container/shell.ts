/** `qn container shell`: a root shell in one, or a command with its exit status. */
import { containerCommand, throwIfRefused } from "../../../host/nixos/machines/machines-script.ts";
import { defineCommand, wordsBehindDashes } from "../../command.ts";
import { runForeground } from "../../terminal/foreground.ts";
import { containerNamed, nameArg } from "./named.ts";

export const command = defineCommand({
  examples: ["qn container shell web/site -- systemctl status nginx"],
  args: { name: nameArg },
  passthrough: true,
  async run({ args, rawArgs }) {
    const { paths, name } = await containerNamed(args.name);
    const words = [name, ...(wordsBehindDashes(rawArgs) ?? [])];
    const { exitCode } = await runForeground(containerCommand(paths, "shell", words, process.stdin.isTTY));
    process.exitCode = exitCode;
    await throwIfRefused(paths, "shell", name, exitCode);
  },
});
