/** A guest that makes itself its own system at the first start: follows it, through its one reboot. */
import { plain } from "../../base/plain.ts";
import { quoted } from "../../base/shell.ts";
import { stripVTControlCharacters } from "node:util";
import { QnError } from "../../base/errors.ts";
import { pause } from "../../system/clock.ts";
import { run } from "../../system/process.ts";
import type { VmPaths } from "../layout.ts";
import type { Environment } from "../vm/settings.ts";
import { dockerAnswers } from "../lifecycle/health.ts";

/** How it went: the guest is what it should be (`done`), or knows of no such thing (`absent`). */
export type Specialised = "done" | "absent";

/** What to follow: the guest of a VM that is up, and who wants to know of its lines and its reboot. */
export type FollowOptions = {
  readonly paths: VmPaths;
  readonly env: Environment;
  readonly signal: AbortSignal;
  /** A line of what the guest builds, fit for a terminal. */
  readonly onLine: (line: string) => void;
  readonly onReboot: () => void;
};

/** How often a guest that reboots is looked at again, and for how long: an emulated one boots in minutes. */
const rebooting = { lookAgainMs: 1_000, lookMs: 900_000 };

/** Exit statuses of the script, beside the unit's own. */
const statuses = { absent: 7, reboots: 8, unreachable: 255 } as const;

/** How many of its last lines explain a failure. */
const lastLines = 15;

/**
 * Joins the unit's start, which goes on until it is done, and shows what it says meanwhile: all of this start's lines,
 * none of one that failed before. A line of its own in the journal tells the follower that there are no more, and the
 * next one that nobody reads on. The words come at once when it was done before. The reboot calls the unit's start off,
 * which is no failure of the unit's, and ends the connection, before or after the last word.
 */
const joinScript = `
unit=qn-specialise.service
systemctl cat $unit >/dev/null 2>&1 || exit ${statuses.absent}
cat /proc/sys/kernel/random/boot_id
if ! systemctl is-active --quiet $unit; then
  end=qn-follower-$$
  of=_SYSTEMD_UNIT=$unit
  from=--lines=all
  if systemctl is-failed --quiet $unit; then
    from=$(journalctl --quiet --boot --output=cat --lines=1 --show-cursor $of | sed -n 's/^-- cursor: /--after-cursor=/p')
  fi
  journalctl --quiet --boot --output=cat --follow "\${from:---lines=all}" $of + SYSLOG_IDENTIFIER=$end </dev/null 2>/dev/null | sed -u "/^$end$/Q" &
  status=0
  systemctl start $unit 2>/dev/null || status=1
  journalctl --sync
  echo $end | systemd-cat -t $end
  wait $!
  echo $end | systemd-cat -t $end
fi
[ ! -e /run/qn/specialised ] || exit ${statuses.reboots}
exit "\${status:-0}"`;

/**
 * Waits until the guest of a VM that is up has become its own system and Docker answers. Throws SPECIALISE_FAILED with
 * its last lines, or when it does not come back, and INTERRUPTED, which leaves it going on.
 */
export async function followSpecialisation(options: FollowOptions): Promise<Specialised> {
  const { paths, env, signal, onLine, onReboot } = options;
  let bootId: string | undefined;
  const lines: string[] = [];
  const { exitCode } = await inGuest(paths, joinScript, signal, (line) => {
    if (bootId === undefined) return void (bootId = line);
    lines.push(uncoloured(line));
    onLine(uncoloured(line));
  });
  if (signal.aborted) throw new QnError("INTERRUPTED", "The guest goes on by itself.");
  if (exitCode === statuses.absent) return "absent";
  if (exitCode === 0) return "done";
  if (exitCode !== statuses.reboots && exitCode !== statuses.unreachable) {
    throw new QnError("SPECIALISE_FAILED", `The guest of "${paths.name}" could not make itself its own system.`, {
      details: lines.slice(-lastLines),
    });
  }
  onReboot();
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

/** A line of the guest's as it reads without colours. */
function uncoloured(line: string): string {
  return plain(stripVTControlCharacters(line));
}

function inGuest(paths: VmPaths, script: string, signal: AbortSignal, onLine?: (line: string) => void) {
  const options = ["-o", "BatchMode=yes", "-o", "ConnectTimeout=20", "-o", "ServerAliveInterval=10"];
  const command = ["ssh", "-F", paths.sshConfig, ...options, `root@qn-${paths.name}`, `sh -c ${quoted(script)}`];
  return run(command, { signal, ...(onLine && { onLine }) });
}
