/** The guest's side of `qn container`: machines.sh, called as root through ssh. */
import { quoted } from "../../../base/shell.ts";
import containerScript from "./machines.sh" with { type: "text" };
import { QnError } from "../../../base/errors.ts";
import { run } from "../../../system/process.ts";
import type { VmPaths } from "../../layout.ts";

/** A machine of systemd's as the guest knows it. */
export type GuestContainer = {
  readonly name: string;
  readonly state: "running" | "stopped";
  readonly addresses: readonly string[];
};

/** Names that systemd lets a machine have (hostnames, machinectl(1)). */
const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** The script's reasons in a person's words. */
const reasons: Readonly<Record<string, string>> = {
  "no-machinectl": "The guest has no machinectl: its image is without systemd's containers.",
  "no-such": "The guest knows no container of that name.",
  "not-running": "The container does not run.",
  "not-started": "The container cannot be started.",
  "not-stopped": "The container cannot be stopped.",
};

/** The ssh command that runs an action of the script. Throws USAGE for what cannot be a container's name. */
export function containerCommand(
  paths: VmPaths,
  action: "list" | "shell" | "start" | "stop" | "logs",
  words: readonly string[] = [],
  isTerminal = false,
): readonly string[] {
  const [name] = words;
  if (name !== undefined && !namePattern.test(name)) {
    throw new QnError("USAGE", `"${name}" cannot be the name of a container.`);
  }
  const remote = ["sh", "-c", containerScript, "sh", action, ...words].map(quoted).join(" ");
  return ["ssh", "-F", paths.sshConfig, isTerminal ? "-t" : "-T", `root@qn-${paths.name}`, remote];
}

/** Runs an action to its end; what it printed. Throws CONTAINER_FAILED with the script's reason. */
export async function inContainers(
  paths: VmPaths,
  action: "list" | "start" | "stop",
  words: readonly string[] = [],
): Promise<string> {
  const { exitCode, stdout, stderr } = await run(containerCommand(paths, action, words));
  if (exitCode === 0) return stdout;
  const reason = /qn-container: (\S+)/.exec(stderr)?.[1] ?? "";
  const details = stderr.split("\n").filter((line) => line !== "" && !line.startsWith("qn-container: "));
  throw new QnError("CONTAINER_FAILED", reasons[reason] ?? "The guest cannot be asked.", { details });
}

/** The script's exit status with a reason. */
const refused = 9;

/**
 * Throws CONTAINER_FAILED when an action that had the terminal was refused, for the reason that the guest has now: the
 * status may be that of a command in the container, too.
 */
export async function throwIfRefused(
  paths: VmPaths,
  action: "shell" | "logs",
  name: string,
  status: number,
): Promise<void> {
  if (status !== refused) return;
  const found = parseContainers(await inContainers(paths, "list")).find((each) => each.name === name);
  const reason = found === undefined ? "no-such" : action === "shell" && found.state !== "running" ? "not-running" : "";
  if (reason !== "") throw new QnError("CONTAINER_FAILED", reasons[reason] ?? reason);
}

/** The containers that `list` has printed. */
export function parseContainers(text: string): readonly GuestContainer[] {
  return text
    .split("\n")
    .filter(Boolean)
    .map((line) => {
      const [name = "", state = "", addresses = ""] = line.split("\t");
      return {
        name,
        state: state === "running" ? "running" : "stopped",
        addresses: addresses.split(",").filter(Boolean),
      };
    });
}
