/** The door to how this Linux' processors are used (proc_stat(5)). */
import { readFile } from "node:fs/promises";

/** How long they have worked for programs and the kernel, all together, since it started. */
export async function workedMs(): Promise<number> {
  return workedMsIn(await readFile("/proc/stat", "utf8"));
}

/** The same of the text of /proc/stat, which counts in hundredths of a second. */
export function workedMsIn(text: string): number {
  const [, user, nice, system] = /^cpu +(\d+) (\d+) (\d+) /.exec(text) ?? [];
  return 10 * (Number(user) + Number(nice) + Number(system));
}
