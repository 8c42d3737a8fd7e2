/** Which processes belong to a test's VM. */
import { readdir, readFile } from "node:fs/promises";

/**
 * The command lines of all processes that have `folder` in their command line or environment, this one aside. Those of
 * other users are seen by their command line alone. Linux only (proc(5)).
 */
export async function processesNaming(folder: string): Promise<string[]> {
  const pids = (await readdir("/proc")).map(Number).filter((pid) => pid > 0 && pid !== process.pid);
  const found = await Promise.all(
    pids.map(async (pid) => {
      const [command, environment] = await Promise.all([textOf(pid, "cmdline"), textOf(pid, "environ")]);
      return command.includes(folder) || environment.includes(folder) ? command.replaceAll("\0", " ").trim() : "";
    }),
  );
  return found.filter((command) => command !== "");
}

/** Those that are left a moment after all of them should have ended: the last thing that one does may still be seen. */
export async function processesLeft(folder: string): Promise<string[]> {
  const triesMax = 20;
  for (let tries = 1; ; tries += 1) {
    const left = await processesNaming(folder);
    if (left.length === 0 || tries === triesMax) return left;
    await Bun.sleep(100);
  }
}

/** True while the process runs; one that has ended and that nobody has waited for yet does not run. */
export async function isAlive(pid: number | null): Promise<boolean> {
  return pid !== null && (await textOf(pid, "cmdline")) !== "";
}

// --- internal ---

/** Empty for a process that has ended meanwhile, or belongs to somebody else. */
async function textOf(pid: number, file: "cmdline" | "environ"): Promise<string> {
  return await readFile(`/proc/${pid}/${file}`, "utf8").catch(() => "");
}
