/** Which processes belong to a test's VM. */
import { readdir, readFile } from "node:fs/promises";
import { until } from "./until.ts";

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

/**
 * True while any thread of the process runs or ends: one that is killed frees its memory first (its command line is empty
 * by then) and closes its sockets and locks last. One that has ended and that nobody has waited for yet does not run.
 */
export async function isAlive(pid: number | null): Promise<boolean> {
  if (pid === null) return false;
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  const states = await Promise.all(threads.map((thread) => stateOf(`/proc/${pid}/task/${thread}/stat`)));
  return states.some((state) => state !== undefined && !"ZX".includes(state));
}

/** Kills a process that cannot defend itself against it, and waits until it is gone. Throws when there is none. */
export async function kill9(pid: number | null): Promise<void> {
  if (pid === null) throw new Error("There is no process to kill.");
  process.kill(pid, "SIGKILL");
  await until(`the end of process ${pid}`, 5000, async () => ((await isAlive(pid)) ? undefined : true));
}

// --- internal ---

/** Empty for a process that has ended meanwhile, or belongs to somebody else. */
async function textOf(pid: number, file: "cmdline" | "environ"): Promise<string> {
  return await readFile(`/proc/${pid}/${file}`, "utf8").catch(() => "");
}

/** The letter after the command's name, which is in brackets and may hold any character (proc_pid_stat(5)). */
async function stateOf(statPath: string): Promise<string | undefined> {
  const stat = await readFile(statPath, "utf8").catch(() => "");
  return stat === "" ? undefined : stat[stat.lastIndexOf(")") + 2];
}
