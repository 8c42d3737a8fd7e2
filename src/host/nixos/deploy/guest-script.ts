/** The guest's side of a deployment: deploy.sh, called as root through ssh. */
import { quoted } from "../../../base/shell.ts";
import deployScript from "./deploy.sh" with { type: "text" };
import { QnError } from "../../../base/errors.ts";
import { type Outcome, run } from "../../../system/process.ts";
import { shareMaster, unsharedWords } from "../../integrate/ssh-master.ts";
import type { VmPaths } from "../../layout.ts";

/** Puts the script where the guest's systemd finds it when this host is long gone. */
const install = "cd /run/qn && mkdir -p deploy && cat > deploy/run.new && mv deploy/run.new deploy/run";

/** ssh's own exit status when the connection fails (ssh(1)). */
const sshFailed = 255;

/** The script's exit status with a reason. */
const refused = 9;

/** How the script says why it cannot go on. */
const reasonPrefix = "qn-deploy: ";

/** The script's reasons in a person's words. */
const reasons: Readonly<Record<string, string>> = {
  "not-a-system": "is no NixOS system: it has no bin/switch-to-configuration",
  busy: "cannot be switched to: another deployment is under way in the guest",
  "no-timer": "cannot be switched to: the guest's systemd takes no timer",
  "no-switch": "cannot be switched to: the guest's systemd does not start it",
  "too-late": "was well too late: the guest had gone back already",
  "no-profile": "runs, but cannot be entered into the system's profile",
  "no-boot": "runs, but the boot loader could not be told: the guest boots the old one",
  "no-previous": "cannot be found: the guest's profile has no generation before its own",
};

/**
 * What is asked before a switch shares a connection. All else makes its own each time: only so does a system that lets
 * nobody in any more fail, and only so does a question that the switch has cut off end.
 */
const beforeSwitch = new Set(["has", "differences", "try", "boot", "previous", "begin"]);

/** What a deployment says in the guest. */
export type DeployGuest = {
  /** Runs a command of the script. Throws DEPLOY_FAILED with its reason; what `about` is stands before it. */
  call(words: readonly string[], about: string): Promise<string>;
  /** The same, whatever comes of it; nothing when the guest cannot be reached. */
  attempt(words: readonly string[]): Promise<Outcome | undefined>;
};

/** Brings the script into the guest. Throws DEPLOY_FAILED when ssh does not get there. */
export async function openGuest(paths: VmPaths): Promise<DeployGuest> {
  const installed = await script(paths, ["sh", "-c", install], true, Buffer.from(deployScript));
  if (installed.exitCode !== 0) {
    throw new QnError("DEPLOY_FAILED", `The guest of "${paths.name}" cannot be reached: ${installed.stderr.trim()}.`);
  }
  const attempt = async (words: readonly string[]): Promise<Outcome | undefined> => {
    const isShared = beforeSwitch.has(words[0] ?? "");
    const outcome = await script(paths, ["sh", "/run/qn/deploy/run", ...words], isShared);
    return outcome.exitCode === sshFailed ? undefined : outcome;
  };
  return {
    attempt,
    async call(words, about) {
      const outcome = await attempt(words);
      if (outcome?.exitCode === 0) return outcome.stdout.trim();
      const said = outcome?.stderr.trim() ?? "the guest cannot be reached";
      const [, reason = ""] = said.split(reasonPrefix);
      const known = outcome?.exitCode === refused ? reasons[reason.trim()] : undefined;
      throw new QnError("DEPLOY_FAILED", `${about} ${known ?? `cannot be used: ${said}`}.`);
    },
  };
}

// --- internal ---

async function script(
  paths: VmPaths,
  words: readonly string[],
  isShared: boolean,
  stdin?: Uint8Array,
): Promise<Outcome> {
  using shared = isShared ? await shareMaster(paths, "root") : undefined;
  const alive = ["-o", "BatchMode=yes", "-o", "ConnectTimeout=20", "-o", "ServerAliveInterval=10"];
  const options = [...alive, ...(shared?.words ?? unsharedWords)];
  const command = ["ssh", "-F", paths.sshConfig, ...options, `root@qn-${paths.name}`, words.map(quoted).join(" ")];
  return await run(command, { cwd: "/", ...(stdin !== undefined && { stdin }) });
}
