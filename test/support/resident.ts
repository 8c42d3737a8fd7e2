/** How much memory a process has. */
import { readFile } from "node:fs/promises";

/** The resident memory of a process in MiB. Linux only (proc_pid_status(5)). */
export async function residentMiB(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) / 1024;
}
