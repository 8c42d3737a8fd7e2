/** Finds and ends what a test run left running: supervisors and QEMUs have sessions of their own and outlive a test. */
import { readdir, readFile } from "node:fs/promises";

const settleMs = 3000;

/** A process that is still there. */
export type LeftBehind = { readonly pid: number; readonly command: string };

/**
 * Waits a moment for the processes of a test run to end, then ends those that are left and returns them. Each run has a
 * `folder` of its own, and everything that it starts inherits the folder's name.
 */
export async function endProcessesOf(folder: string): Promise<LeftBehind[]> {
  const deadlineMs = performance.now() + settleMs;
  let left = await processesOf(folder);
  while (left.length > 0 && performance.now() < deadlineMs) {
    await Bun.sleep(100);
    left = await processesOf(folder);
  }
  for (const { pid } of left) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It ended by itself in this moment.
    }
  }
  return left;
}

// --- internal ---

/** Those that have `folder` in their command line or environment. Linux only (proc(5)); elsewhere none are found. */
async function processesOf(folder: string): Promise<LeftBehind[]> {
  if (process.platform !== "linux") return [];
  const pids = (await readdir("/proc")).map(Number).filter((pid) => pid > 0 && pid !== process.pid);
  const found = await Promise.all(pids.map((pid) => processOf(pid, folder)));
  return found.filter((each) => each !== undefined);
}

async function processOf(pid: number, folder: string): Promise<LeftBehind | undefined> {
  try {
    const command = await readFile(`/proc/${pid}/cmdline`, "utf8");
    const environment = await readFile(`/proc/${pid}/environ`, "utf8");
    // A process that has ended and was not waited for yet has neither.
    if (!command.includes(folder) && !environment.includes(folder)) return undefined;
    return { pid, command: command.replaceAll("\0", " ").trim() };
  } catch {
    // It has ended, or belongs to somebody else.
    return undefined;
  }
}
