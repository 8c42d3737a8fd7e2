/** The host's folders in the guest: each share at its place, QN_HOME hidden, its Docker socket answered. */
import { mkdir, readFile, symlink } from "node:fs/promises";
import { dirname } from "node:path";
import type { Boot } from "../protocol/messages.ts";
import { isErrno } from "../system/files.ts";
import { mount } from "../system/libc.ts";

/**
 * 9p over virtio. 512000 bytes is the most that the transport takes in one message; `mmap` lets programs map shared
 * files writable and still sees the host's changes at each open (design D8).
 */
const mountOptions = "trans=virtio,version=9p2000.L,msize=512000,cache=mmap,access=client";

/** Mounts every share that is not mounted yet. Throws with the folder's name when one fails. */
export async function mountShares(boot: Boot): Promise<void> {
  const mounted = new Set((await readFile("/proc/self/mounts", "utf8")).split("\n").map((line) => line.split(" ")[0]));
  for (const share of boot.shares) {
    if (mounted.has(share.tag)) continue;
    await mkdir(share.folder, { recursive: true });
    mount(share.tag, share.folder, "9p", mountOptions, share.readOnly);
  }
  const isShared = boot.shares.some((share) => `${boot.home}/`.startsWith(`${share.folder}/`));
  if (isShared && !mounted.has(homeCover)) await coverHome(boot);
}

// --- internal ---

const homeCover = "qn-home";

/**
 * Hides the host's QN_HOME, with its disks, keys and settings, behind an empty folder. The VM's Docker socket is there
 * again as a link to the guest's own, so that `-v <host's socket>:/var/run/docker.sock` means what it says.
 */
async function coverHome(boot: Boot): Promise<void> {
  try {
    mount(homeCover, boot.home, "tmpfs", "size=64k,mode=0755");
    await mkdir(dirname(boot.dockerSocket), { recursive: true });
    await symlink("/run/docker.sock", boot.dockerSocket);
  } catch (error) {
    if (!isErrno(error, "ENOENT") && !isErrno(error, "EEXIST")) throw error;
  }
}
