/** Settings that fit the disks that there are: whatever brings other settings, no disk can shrink. */
import { withSettings } from "../config/document.ts";
import { type SizedDisk, wholeGiB } from "../image/disk.ts";
import type { VmPaths } from "../layout.ts";
import { diskUse, ownDisks } from "./own-disks.ts";
import { effectiveConfig } from "./settings.ts";

/**
 * The text of a VM's file of settings, with the size of each disk raised to what it has where the settings would give
 * it less. `sizeOf` says what a disk will have, in bytes, where that is not what it has now. Throws CONFIG_INVALID.
 */
export async function fittingText(
  paths: VmPaths,
  text: string,
  sizeOf: (disk: SizedDisk) => Promise<number | undefined> = sizeNow,
): Promise<string> {
  // Variables are of one command, the file is for all.
  const { config } = await effectiveConfig(paths, {}, {}, text);
  const changes = new Map<string, unknown>();
  const [data, ...volumes] = await Promise.all(
    ownDisks(paths, config).map(async (disk) => {
      const hasGiB = wholeGiB((await sizeOf(disk)) ?? 0);
      return { name: disk.name, sizeGiB: Math.max(disk.sizeGiB, hasGiB) };
    }),
  );
  if (data !== undefined && data.sizeGiB !== config.diskGiB) changes.set("diskGiB", data.sizeGiB);
  if (!Bun.deepEquals(volumes, config.volumes)) changes.set("volumes", volumes);
  return changes.size === 0 ? text : withSettings({ path: paths.config, text }, changes);
}

// --- internal ---

async function sizeNow({ path }: SizedDisk): Promise<number | undefined> {
  return (await diskUse(path))?.sizeBytes;
}
