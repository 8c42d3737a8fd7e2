/** How much memory a process has. */
import { readFile } from "node:fs/promises";

/** The resident memory of a process in MiB. Linux only (proc_pid_status(5)). */
export async function residentMiB(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) / 1024;
}

/** A process' memory in MiB, by the words of smaps_rollup. */
export type Memory = Readonly<Record<"Rss" | "Pss" | "Anonymous" | "Private_Dirty", number>>;

/**
 * What a process has of its machine's memory, from its smaps_rollup (proc(5)): all of it (Rss), its share of what others
 * have too (Pss), what is no file's (Anonymous), and what it alone has written to (Private_Dirty).
 */
export function memoryIn(smapsRollup: string): Memory {
  const of = (key: string): number => Number(new RegExp(`^${key}:\\s+(\\d+)`, "m").exec(smapsRollup)?.[1]) / 1024;
  return { Rss: of("Rss"), Pss: of("Pss"), Anonymous: of("Anonymous"), Private_Dirty: of("Private_Dirty") };
}

/** The same of a process of this machine's. */
export async function memoryOf(pid: number): Promise<Memory> {
  return memoryIn(await readFile(`/proc/${pid}/smaps_rollup`, "utf8"));
}
