/** The host's folders in the guest: each share at its place, QN_HOME hidden, its Docker socket answered. */
import { mkdir, symlink } from "node:fs/promises";
import { dirname } from "node:path";
import { QnError } from "../base/errors.ts";
import { liesIn } from "../base/words.ts";
import type { Boot } from "../protocol/messages.ts";
import { isErrno } from "../system/files.ts";
import { mount } from "../system/libc.ts";
import { mountTable } from "./mount-table.ts";

/**
 * 9p over virtio. 512000 bytes is the most that the transport takes in one message. Nothing is cached unless the share
 * says otherwise: Linux 6.12 loses or never ends what is written with `cache=mmap` while somebody asks for the file's size
 * (docs/decisions.md, "Files"; docs/files.md says what each mode costs and shows).
 */
function mountOptions(cache = "none"): string {
  return `trans=virtio,version=9p2000.L,msize=512000,access=client,cache=${cache}`;
}

/**
 * Mounts every share that is not mounted yet, in their order: a folder comes before what lies in it. Throws AGENT_FAILED
 * with the folder's name when one fails.
 */
export async function mountShares(boot: Boot): Promise<void> {
  const table = await mountTable();
  const mounted = new Set(table.map(({ source }) => source));
  const mountPoints = new Set(table.map(({ target }) => target));
  for (const share of boot.shares) {
    if (!mounted.has(share.tag)) await mountShare(share);
    for (const link of share.links ?? []) await linkIfFree(share.folder === share.path ? share.path : "/tmp", link);
  }
  const covers = new Set(homesIn(boot));
  for (const path of covers) if (!mountPoints.has(path)) await coverHome(path, boot);
  // The host's path of Docker's socket means the guest's own, also where the guest does not see QN_HOME.
  if (covers.size === 0) await linkIfFree("/run/docker.sock", boot.dockerSocket);
}

// --- internal ---

type BootShare = Boot["shares"][number];

async function mountShare({ tag, path, folder, readOnly, cache, driver = "9p" }: BootShare): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    mount(tag, folder, driver, driver === "9p" ? mountOptions(cache) : "", readOnly);
  } catch (cause) {
    throw new QnError("AGENT_FAILED", `The share ${path} cannot be mounted: ${String(cause)}.`, { cause });
  }
}

/** Makes a link unless there is something at its path, or a share that holds it is gone or cannot be written to. */
async function linkIfFree(target: string, path: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await symlink(target, path);
  } catch (error) {
    if (!isErrno(error, "EEXIST") && !isErrno(error, "EROFS") && !isErrno(error, "ENOTDIR")) throw error;
  }
}

/** Where the host's QN_HOME would be seen through the shares. */
function homesIn({ shares, home }: Boot): readonly string[] {
  return shares
    .filter(({ path }) => liesIn(home, path))
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
