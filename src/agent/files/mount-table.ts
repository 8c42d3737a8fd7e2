/** What is mounted in the guest, by the kernel's own table: a restarted agent knows as much as the one before. */
import { readFile } from "node:fs/promises";

/** One mount: what was mounted (a share's tag), and where. */
export type Mounted = { readonly source: string; readonly target: string };

/** Every mount, in the order in which they were made. */
export async function mountTable(): Promise<readonly Mounted[]> {
  const table = await readFile("/proc/self/mounts", "utf8");
  return table
    .split("\n")
    .map((line) => line.split(" "))
    .map(([source = "", target = ""]) => ({ source: unescaped(source), target: unescaped(target) }));
}

// --- internal ---

/**
 * The kernel writes space, tab, newline, backslash and # as three octal digits (proc(5)); other bytes stay, so that
 * what is not ASCII is not taken apart.
 */
function unescaped(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_match, octal: string) => String.fromCodePoint(Number.parseInt(octal, 8)));
}
