/** The door to how memory is used: by this Linux (proc_meminfo(5)), and by one process of this machine. */
import { readFile } from "node:fs/promises";
import { run } from "./process.ts";

/** What a Linux does with its memory. */
export type MemoryUse = {
  readonly totalBytes: number;
  /** What programs and the kernel need: all but what the kernel counts as available. */
  readonly usedBytes: number;
  /** What was read from files or written to them, and can be read again. */
  readonly fileBytes: number;
};

/** This system's. Throws where there is no /proc/meminfo. */
export async function memoryUse(): Promise<MemoryUse> {
  return memoryUseIn(await readFile("/proc/meminfo", "utf8"));
}

/** The same of the text of /proc/meminfo. */
export function memoryUseIn(text: string): MemoryUse {
  const bytesOf = (name: string): number => 1024 * numberIn(text, `${name}:`);
  const totalBytes = bytesOf("MemTotal");
  return {
    totalBytes,
    usedBytes: totalBytes - bytesOf("MemAvailable"),
    fileBytes: bytesOf("Active(file)") + bytesOf("Inactive(file)"),
  };
}

/** What this system has read from its disks and written to them since it started, in bytes (/proc/vmstat). */
export async function movedBytes(): Promise<number> {
  const text = await readFile("/proc/vmstat", "utf8");
  return 1024 * (numberIn(text, "pgpgin") + numberIn(text, "pgpgout"));
}

/**
 * The memory of this machine that a process has, its shared memory included, in bytes; nothing when it is gone, or this
 * machine does not say.
 */
export async function residentBytes(pid: number): Promise<number | undefined> {
  const read = process.platform === "linux" ? residentByProc : residentByPs;
  const kib = await read(pid).catch(() => Number.NaN);
  return Number.isNaN(kib) ? undefined : kib * 1024;
}

// --- internal ---

async function residentByProc(pid: number): Promise<number> {
  return numberIn(await readFile(`/proc/${pid}/status`, "utf8"), "VmRSS:");
}

async function residentByPs(pid: number): Promise<number> {
  const { stdout } = await run(["ps", "-o", "rss=", "-p", `${pid}`]);
  return Number.parseInt(stdout, 10);
}

/** The number behind a word at the beginning of a line. */
function numberIn(text: string, word: string): number {
  const line = text.split("\n").find((each) => each.startsWith(`${word} `) || each.startsWith(`${word}\t`));
  return Number.parseInt(line?.slice(word.length) ?? "", 10);
}
