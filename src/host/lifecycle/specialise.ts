/** A guest that makes itself its own system at the first start: follows it, through its one reboot. */
import { QnError } from "../../base/errors.ts";
import { pause } from "../../system/clock.ts";
import { run } from "../../system/process.ts";
import { quote } from "../integrate/ssh-command.ts";
import type { VmPaths } from "../layout.ts";
import type { Environment } from "../prepare.ts";
import { dockerAnswers } from "./well.ts";

/** How it went: the guest is what it should be (`done`), or knows of no such thing (`absent`). */
export type Specialised = "done" | "absent";

/** How often a guest that reboots is looked at again, and for how long: an emulated one boots in minutes. */
const rebooting = { lookAgainMs: 1_000, lookMs: 900_000 };

/** Exit statuses of the script, beside the unit's own. */
const statuses = { absent: 7, reboots: 8, unreachable: 255 } as const;

/**
 * Joins the unit's start, which goes on until it is done; the words come at once when it was done before. The reboot ends
 * the connection, before or after the last word.
 */
const joinScript = `
systemctl cat qn-specialise.service >/dev/null 2>&1 || exit ${statuses.absent}
cat /proc/sys/kernel/random/boot_id
systemctl start qn-specialise.service || { journalctl --boot --output=cat --no-pager --lines=15 --unit=qn-specialise.service; exit 1; }
[ ! -e /run/qn/specialised ] || exit ${statuses.reboots}`;

/**
 * Waits until the guest of a VM that is up has become its own system and Docker answers. Throws SPECIALISE_FAILED with its last lines,
 * or when it does not come back, and INTERRUPTED, which leaves it going on.
 */
export async function followSpecialisation(
  paths: VmPaths,
  env: Environment,
  signal: AbortSignal,
): Promise<Specialised> {
  const { exitCode, stdout } = await inGuest(paths, joinScript, signal);
  const [bootId = "", ...lines] = stdout.trim().split("\n");
  if (signal.aborted) throw new QnError("INTERRUPTED", "The guest goes on by itself.");
  if (exitCode === statuses.absent) return "absent";
  if (exitCode === 0) return "done";
  if (exitCode !== statuses.reboots && exitCode !== statuses.unreachable) {
    throw new QnError("SPECIALISE_FAILED", `The guest of "${paths.name}" could not make itself its own system.`, {
      details: lines,
    });
  }
  const endMs = Date.now() + rebooting.lookMs;
  while (Date.now() < endMs && !signal.aborted) {
    const { stdout: id } = await inGuest(paths, "cat /proc/sys/kernel/random/boot_id", signal);
    const isNew = id.trim() !== "" && id.trim() !== bootId;
    if (isNew && (await dockerAnswers(paths, env))) return "done";
    await pause(rebooting.lookAgainMs, signal);
  }
  if (signal.aborted) throw new QnError("INTERRUPTED", "The guest goes on by itself.");
  throw new QnError("SPECIALISE_FAILED", `The guest of "${paths.name}" has not come back from its reboot.`);
}

// --- internal ---

function inGuest(paths: VmPaths, script: string, signal: AbortSignal) {
  const options = ["-o", "BatchMode=yes", "-o", "ConnectTimeout=20", "-o", "ServerAliveInterval=10"];
  const command = ["ssh", "-F", paths.sshConfig, ...options, `root@qn-${paths.name}`, `sh -c ${quote(script)}`];
  return run(command, { signal });
}
