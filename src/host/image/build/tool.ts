/** Runs one program of a build, and makes its failure a failure of the build. */
import { QnError } from "../../../base/errors.ts";
import { findProgram, run, type RunOptions } from "../../../system/process.ts";

/**
 * timeout(1) makes the program the head of a process group and hands SIGTERM to all of it: mmdebstrap alone would wait
 * for its children, and they would install on. Three hours are far beyond any build: programs of another processor are
 * emulated, and half an hour did not do for them on a busy machine. Whoever builds may keep all that he makes from
 * others (umask(2)): other users of the guest have to read it.
 */
const asGroup = ["sh", "-c", 'umask 022 && exec timeout --kill-after=20s 3h "$@"', "sh"];

const toolHint =
  "On Debian: apt install mmdebstrap uidmap fakeroot e2fsprogs dosfstools mtools fdisk qemu-utils; elsewhere build the image on a Debian.";

/** How many of a failed program's last lines are shown. */
const shownLines = 15;

/**
 * Runs a program with its output in English, its times fixed by `epoch` in seconds, and all that it makes readable by
 * others. Throws TOOL_MISSING when it is not there, INTERRUPTED when `signal` ended it, IMAGE_BUILD_FAILED with its
 * last lines when it fails.
 */
export async function runTool(
  command: readonly string[],
  options: { epoch: number; signal?: AbortSignal | undefined; stdin?: string; env?: Record<string, string> },
): Promise<string> {
  requireGoingOn(options.signal);
  const runOptions: RunOptions = {
    env: {
      ...process.env,
      // mke2fs and sfdisk are in sbin, which an ordinary user's PATH lacks on Debian.
      PATH: `${process.env["PATH"] ?? ""}:/usr/local/sbin:/usr/sbin:/sbin`,
      ...options.env,
      LC_ALL: "C.UTF-8",
      // A FAT file system has times of a clock on the wall.
      TZ: "UTC0",
      SOURCE_DATE_EPOCH: String(options.epoch),
      MTOOLS_SKIP_CHECK: "1",
    },
    ...(options.stdin === undefined ? {} : { stdin: new TextEncoder().encode(options.stdin) }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  };
  const [program = ""] = command;
  if (findProgram(program) === undefined) {
    throw new QnError("TOOL_MISSING", `The program "${program}" is not in PATH.`, { hint: toolHint });
  }
  const outcome = await run([...asGroup, ...command], runOptions);
  requireGoingOn(options.signal);
  if (outcome.exitCode === 0) return outcome.stdout;
  const said = `${outcome.stdout}\n${outcome.stderr}`.split("\n").filter((line) => line.trim() !== "");
  throw new QnError("IMAGE_BUILD_FAILED", `${program} ended with exit status ${outcome.exitCode}.`, {
    details: said.slice(-shownLines),
  });
}

// --- internal ---

function requireGoingOn(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new QnError("INTERRUPTED", "The build of the image was interrupted.");
}
