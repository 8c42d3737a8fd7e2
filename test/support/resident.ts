/** How much memory a process has. */
import { readFile } from "node:fs/promises";

/** The resident memory of a process in MiB. Linux only (proc_pid_status(5)). */
export async function residentMiB(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) / 1024;
}

/**
 * What a process has of this machine's memory in MiB, from its smaps_rollup (proc(5)): all of it (Rss), its share of
 * what others have too (Pss), and what is its own and no file's (Anonymous).
 */
export function memoryIn(smapsRollup: string): Record<"Rss" | "Pss" | "Anonymous", number> {
  const of = (key: string): number => Number(new RegExp(`^${key}:\\s+(\\d+)`, "m").exec(smapsRollup)?.[1]) / 1024;
  return { Rss: of("Rss"), Pss: of("Pss"), Anonymous: of("Anonymous") };
}
