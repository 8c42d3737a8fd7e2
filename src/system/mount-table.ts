/**
 * The door to the kernel's own table of what is mounted: a restarted program knows as much as the one before. Linux
 * only.
 */
import { readFileSync } from "node:fs";

/**
 * One mount: what was mounted (a share's tag, a device), where, and as what. `device` is "0:45"; `options` are the
 * file system's own.
 */
export type Mounted = {
  readonly source: string;
  readonly target: string;
  readonly type: string;
  readonly device: string;
  readonly options: string;
};

/**
 * Every mount of this process' table, in the order in which they were made. No disk is asked. Throws where there is
 * no /proc.
 */
export function mountTable(): readonly Mounted[] {
  return mountsIn(readFileSync("/proc/self/mountinfo", "utf8"));
}

/**
 * The mounts in a text as /proc/PID/mountinfo has it (proc(5)): there may be fields before the lone hyphen, or none.
 */
export function mountsIn(text: string): readonly Mounted[] {
  return text.split("\n").flatMap((line) => {
    const [before = "", behind] = line.split(" - ");
    if (behind === undefined) return [];
    const [, , device = "", , target = ""] = before.split(" ");
    const [type = "", source = "", options = ""] = behind.split(" ");
    return { source: unescaped(source), target: unescaped(target), type, device, options };
  });
}

// --- internal ---

/**
 * The kernel writes space, tab, newline, backslash and # as three octal digits (proc(5)); other bytes stay, so that
 * what is not ASCII is not taken apart.
 */
function unescaped(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_match, octal: string) => String.fromCodePoint(Number.parseInt(octal, 8)));
}
