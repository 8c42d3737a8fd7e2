/** Small words that every room uses: architectures, host systems, and how amounts and paths are written. */
import { posix } from "node:path";

/** Architectures as the kernel and QEMU name them (`uname -m`). */
export const arches = ["x86_64", "aarch64"] as const;
export type Arch = (typeof arches)[number];

/** What Docker, Go and Node call them. */
export const otherArchNames: Readonly<Record<string, Arch>> = { amd64: "x86_64", x64: "x86_64", arm64: "aarch64" };

/** Host systems as Node names them in `process.platform`. */
export const hostOses = ["linux", "darwin"] as const;
export type HostOs = (typeof hostOses)[number];

/** "1 port", "2 ports": a count with its noun. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** What names a VM behind a command, with the space before it: nothing for the one that is meant without a name. */
export function vmWord(name: string): string {
  return name === "default" ? "" : ` ${name}`;
}

/** Milliseconds as a person reads them: "0.4 s", "12.3 s", "2 min 5 s", "3 h 4 min", "2 d 3 h". */
export function duration(ms: number): string {
  // What rounds up to 60.0 s is a minute already.
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.max(60, Math.floor(ms / 1000));
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** Bytes in binary units: "512 B", "1.5 MiB", "20 GiB". */
export function byteSize(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  // What rounds up to 1024.0 has the next unit already.
  while (value >= 1023.95 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const rounded = Math.round(value * 10) / 10;
  return `${rounded.toFixed(Number.isInteger(rounded) ? 0 : 1)} ${units[unit] ?? ""}`;
}

/**
 * An amount of memory or disk as people write it (`8G`, `8GiB`, `512m`; binary units, as Docker takes them) in whole
 * MiB or GiB; a bare number is in that unit already. Nothing for what is no such amount, or no whole one.
 */
export function sizeIn(unit: "MiB" | "GiB", text: string): number | undefined {
  const [, digits = "", letter = unit] = /^(\d+(?:\.\d+)?) ?([mgt])?(?:i?b)?$/i.exec(text.trim()) ?? [];
  const bytes = Number(digits) * 1024 ** "kmgt".indexOf(letter.charAt(0).toLowerCase());
  const size = bytes / 1024 ** (unit === "MiB" ? 1 : 2);
  return digits === "" || !Number.isSafeInteger(size) ? undefined : size;
}

/** So few MiB are no size of a VM, and GiB are meant: the number, where `text` is one that small without a unit. */
export function meantAsGiB(unit: "MiB" | "GiB", text: string): number | undefined {
  const size = unit === "MiB" && /^\d+$/.test(text) ? Number(text) : 0;
  return size > 0 && size <= 128 ? size : undefined;
}

/** An address as it stands before a port: an IPv6 one in brackets (RFC 3986). */
export function bracketed(address: string): string {
  return address.includes(":") ? `[${address}]` : address;
}

/** An absolute path in its shortest form: no dots, no doubled slashes, none at its end. Links are not followed. */
export function cleanPath(path: string): string {
  return posix.normalize(path).replace(/(?<=.)\/$/, "");
}

/**
 * Whether `path` is `folder` or lies below it, compared name by name: /home/x2 is not in /home/x. Both are clean paths.
 */
export function liesIn(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder === "/" ? "/" : `${folder}/`);
}

/** The innermost of some folders that `path` lies in; nothing where it lies in none. */
export function innermostOf<Folder extends { readonly path: string }>(
  path: string,
  folders: readonly Folder[],
): Folder | undefined {
  return folders.filter((folder) => liesIn(path, folder.path)).toSorted((a, b) => b.path.length - a.path.length)[0];
}

/**
 * The known word nearest to a mistyped one, or nothing when none is near: at most two letters that are missing, too
 * many, others or swapped, and at most a third of the longer word, or any two letters would be "up", and "nope" "copy".
 */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const ranked = known
    .map((candidate) => ({ candidate, distance: editDistance(word, candidate) }))
    .filter(({ candidate, distance }) => distance <= Math.min(2, Math.max(word.length, candidate.length) / 3))
    .toSorted((a, b) => a.distance - b.distance);
  return ranked[0]?.candidate;
}

/** Below zero when `a` is older than `b`, above when newer: by numbers, part by part. */
export function compareVersions(a: string, b: string): number {
  const left = a.split(".").map(Number);
  const right = b.split(".").map(Number);
  const index = left.findIndex((part, at) => part !== (right[at] ?? 0));
  return index < 0 ? 0 : (left[index] ?? 0) - (right[index] ?? 0);
}

/** Levenshtein's distance, in which two letters that have changed places count once. */
function editDistance(from: string, to: string): number {
  let above: number[] = [];
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= to.length; j += 1) {
      const substitute = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      const isSwapped = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      const swap = isSwapped ? (above[j - 2] ?? 0) + 1 : Infinity;
      next.push(Math.min(substitute, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, swap));
    }
    [above, row] = [row, next];
  }
  return row[to.length] ?? 0;
}
