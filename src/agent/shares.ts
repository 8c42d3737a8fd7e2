/** The host's folders in the guest: each share at its place, QN_HOME hidden, its Docker socket answered. */
import { mkdir, readFile, symlink } from "node:fs/promises";
import { dirname } from "node:path";
import type { Boot } from "../protocol/messages.ts";
import { isErrno } from "../system/files.ts";
import { mount } from "../system/libc.ts";

/**
 * 9p over virtio. 512000 bytes is the most that the transport takes in one message; `mmap` lets programs map shared
 * files writable and sees the host's changes at each first open. While a program in the guest holds a file open, or a
 * container mounts it alone, its cached pages stay as they were read (docs/decisions.md, "Files").
 */
const mountOptions = "trans=virtio,version=9p2000.L,msize=512000,cache=mmap,access=client";

/** Mounts every share that is not mounted yet. Throws with the folder's name when one fails. */
export async function mountShares(boot: Boot): Promise<void> {
  const table = (await readFile("/proc/self/mounts", "utf8")).split("\n").map((line) => line.split(" "));
  const mounted = new Set(table.map(([source]) => source));
  const mountPoints = new Set(table.map(([_source, target]) => target));
  for (const share of boot.shares) {
    if (mounted.has(share.tag)) continue;
    await mkdir(share.folder, { recursive: true });
    mount(share.tag, share.folder, "9p", mountOptions, share.readOnly);
  }
  for (const path of homesIn(boot)) if (!mountPoints.has(path)) await coverHome(path, boot);
}

// --- internal ---

/** Where the host's QN_HOME would be seen through the shares. */
function homesIn({ shares, home }: Boot): readonly string[] {
  return shares
    .filter(({ path }) => `${home}/`.startsWith(`${path}/`))
    .map(({ path, folder }) => `${folder}${home.slice(path.length)}`);
}

/**
 * Hides the host's QN_HOME, with its disks, keys and settings, behind an empty folder. The VM's Docker socket is there
 * again as a link to the guest's own, so that `-v <host's socket>:/var/run/docker.sock` means what it says.
 */
async function coverHome(path: string, { home, dockerSocket }: Boot): Promise<void> {
  try {
    mount("qn-home", path, "tmpfs", "size=64k,mode=0755");
    const link = `${path}${dockerSocket.slice(home.length)}`;
    await mkdir(dirname(link), { recursive: true });
    await symlink("/run/docker.sock", link);
  } catch (error) {
    if (!isErrno(error, "ENOENT") && !isErrno(error, "EEXIST")) throw error;
  }
}
