/** The folders of throw-away VMs and of templates: each is locked by whoever makes it, or lives in it. */
import { mkdir, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { isErrno } from "../../system/errno.ts";
import { namesIn } from "../../system/files.ts";
import { type Lock, lockFolder } from "../../system/kernel/lock.ts";
import { bytesOnDisk, type Freed } from "../image/sweep.ts";
import type { Layout, VmPaths } from "../layout.ts";
import { readBootRecord } from "../supervisor/boot/boot.ts";
import { adoptQemu } from "../supervisor/boot/qemu.ts";

/** What the name of such a folder begins with. */
export const prefixes = { copy: "r-", template: "t-" } as const;

/** The folder that has all of the VM. */
export function homeOf(paths: VmPaths): string {
  return dirname(paths.folder);
}

/** Locks the VM's folder, which is made if needed; nothing when somebody else has it. */
export async function lockHome(paths: VmPaths): Promise<Lock | undefined> {
  await mkdir(homeOf(paths), { recursive: true, mode: 0o700 });
  try {
    return lockFolder(homeOf(paths));
  } catch (error) {
    // Somebody who sweeps took it for one that was left.
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** Ends and removes what is left of throw-away VMs whose qn has died. */
export async function sweepCopies(layout: Layout): Promise<void> {
  for (const id of await idsOf(layout, prefixes.copy)) {
    const paths = layout.throwaway(id);
    const lock = await lockHome(paths);
    if (lock === undefined) continue;
    try {
      const qemu = await adoptQemu(paths, (await readBootRecord(paths))?.qemuPid);
      await qemu?.kill();
      await rm(homeOf(paths), { recursive: true, force: true });
    } finally {
      lock.release();
    }
  }
}

/** Removes the templates that nobody is just making, and says what that frees. Copies of them run on. */
export async function removeTemplates(layout: Layout, isDry: boolean): Promise<readonly Freed[]> {
  const freed: Freed[] = [];
  for (const id of await idsOf(layout, prefixes.template)) {
    const paths = layout.throwaway(id);
    const lock = await lockHome(paths);
    if (lock === undefined) continue;
    try {
      freed.push({ id: null, entries: ["template of qn run"], bytes: await bytesOnDisk(homeOf(paths)) });
      if (!isDry) await rm(homeOf(paths), { recursive: true, force: true });
    } finally {
      lock.release();
    }
  }
  return freed;
}

// --- internal ---

async function idsOf({ throwaways }: Layout, prefix: string): Promise<readonly string[]> {
  return (await namesIn(throwaways)).filter((name) => name.startsWith(prefix));
}
