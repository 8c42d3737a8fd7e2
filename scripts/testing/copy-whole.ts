/** Copies what is only read, without taking its space again. */
import { rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { run } from "../../src/system/process.ts";
import { succeed } from "../support/succeed.ts";

/**
 * Copies `source`, a file or a folder, into `folder`: by links where the file system can, so that hundreds of megabytes
 * take no time and no space. Throws when there is no room.
 */
export async function copyWhole(source: string, folder: string): Promise<void> {
  const linked = await run(["cp", "-al", source, folder]);
  if (linked.exitCode !== 0) {
    await rm(join(folder, basename(source)), { recursive: true, force: true });
    await succeed(["cp", "-a", source, folder]);
  }
}
