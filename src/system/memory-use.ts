/** The door to how this Linux uses its memory (proc_meminfo(5)). */
import { readFile } from "node:fs/promises";

/** What a Linux does with its memory. */
export type MemoryUse = {
  readonly totalBytes: number;
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
    fileBytes: bytesOf("Active(file)") + bytesOf("Inactive(file)"),
  };
}

/** What this system has read from its disks and written to them since it started, in bytes (/proc/vmstat). */
export async function movedBytes(): Promise<number> {
  const text = await readFile("/proc/vmstat", "utf8");
  return 1024 * (numberIn(text, "pgpgin") + numberIn(text, "pgpgout"));
}

// --- internal ---

/** The number behind a word at the beginning of a line. */
function numberIn(text: string, word: string): number {
  const line = text.split("\n").find((each) => each.startsWith(`${word} `) || each.startsWith(`${word}\t`));
  return Number.parseInt(line?.slice(word.length) ?? "", 10);
}
