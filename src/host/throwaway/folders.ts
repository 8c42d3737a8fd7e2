/** The folders of throw-away VMs and of templates: each is locked by whoever makes it, or lives in it. */
import { randomBytes } from "node:crypto";
import { mkdir, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { QnError } from "../../base/errors.ts";
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

/** Locks the VM's folder, which is made if needed; nothing when somebody else has it, or is taking it away. */
export async function lockHome(paths: VmPaths): Promise<Lock | undefined> {
  try {
    await mkdir(homeOf(paths), { recursive: true, mode: 0o700 });
  } catch (error) {
    // It was there a moment ago.
    if (isErrno(error, "EEXIST")) return undefined;
    throw error;
  }
  return lockIfThere(paths);
}

/** The folder of a new copy, locked. Throws VM_BUSY where none can be had. */
export async function newCopy(layout: Layout): Promise<{ readonly paths: VmPaths; readonly lock: Lock }> {
  for (let tries = 1; ; tries += 1) {
    const paths = layout.throwaway(`${prefixes.copy}${randomBytes(4).toString("hex")}`);
    const lock = await lockHome(paths);
    if (lock !== undefined) return { paths, lock };
    // Who sweeps just then takes a folder that nobody has locked yet for one that was left.
    if (tries === triesMax) throw new QnError("VM_BUSY", `${homeOf(paths)} is held by another qn.`);
  }
}

/** Ends and removes what is left of throw-away VMs whose qn has died. */
export async function sweepCopies(layout: Layout): Promise<void> {
  for (const id of await idsOf(layout, prefixes.copy)) {
    const paths = layout.throwaway(id);
    const lock = lockIfThere(paths);
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
    const lock = lockIfThere(paths);
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

/** Who sweeps does so once, at the beginning of a run. */
const triesMax = 10;

function lockIfThere(paths: VmPaths): Lock | undefined {
  try {
    return lockFolder(homeOf(paths));
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}

async function idsOf({ throwaways }: Layout, prefix: string): Promise<readonly string[]> {
  return (await namesIn(throwaways)).filter((name) => name.startsWith(prefix));
}
