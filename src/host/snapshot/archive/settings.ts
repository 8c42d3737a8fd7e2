/** Which settings of a VM go to another machine with its data. */
import * as v from "valibot";
import { leafAt } from "../../config/load.ts";
import { leaves } from "../../config/schema.ts";
import { nested, valueAt } from "../../config/setting.ts";

/**
 * Those that are about the VM alone. All else opens something of the machine's to it (mounts, ports.bind, qemu.args,
 * network), or is the machine's own (arch, image, accel): whoever imports a file that somebody sent decides on it anew.
 */
const carried = ["cpus", "memoryMiB", "ports.deny", "changes.exclude", "changes.entriesMax"] as const;

/** What goes along of the parsed settings of a VM's own file, by path, and the paths of what does not. */
export function settingsToCarry(file: unknown): {
  readonly settings: Readonly<Record<string, unknown>>;
  readonly leftOut: string[];
} {
  const said = leaves.flatMap(({ path }) => {
    const value = valueAt(file, path);
    return value === undefined ? [] : [{ path, value }];
  });
  return {
    settings: Object.fromEntries(said.filter(({ path }) => isCarried(path)).map(({ path, value }) => [path, value])),
    // The disk's size goes along with the disk.
    leftOut: said.map(({ path }) => path).filter((path) => !isCarried(path) && path !== "diskGiB"),
  };
}

/** The settings of an import as a file's text: those that are known, right, and go along, for a disk of that size. */
export function carriedSettings(settings: Readonly<Record<string, unknown>>, diskGiB: number): string {
  const kept = carried.flatMap((path): [string, unknown][] => {
    const result = v.safeParse(leafAt(path).schema(), settings[path]);
    return result.success ? [[path, result.output]] : [];
  });
  const values = nested(new Map<string, unknown>([...kept, ["diskGiB", diskGiB]]));
  return `# Settings of this VM, as they were imported with its data.\n${Bun.YAML.stringify(values, undefined, 2)}\n`;
}

// --- internal ---

function isCarried(path: string): boolean {
  return carried.some((each) => each === path);
}
