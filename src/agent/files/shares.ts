/** The host's folders in the guest: each share at its place, QN_HOME hidden, its Docker socket answered. */
import { mkdir, symlink } from "node:fs/promises";
import { dirname } from "node:path";
import { QnError } from "../../base/errors.ts";
import { innermostOf, liesIn } from "../../base/words.ts";
import type { Boot } from "../../protocol/messages.ts";
import { isErrno } from "../../system/errno.ts";
import { bindMount, mount, setReadOnly, unmountUnused } from "../../system/kernel/libc.ts";
import { type Mounted, mountTable } from "../../system/mount-table.ts";
import { dockerSocket } from "../docker/socket.ts";

/**
 * 9p over virtio. 512000 bytes is the most that the transport takes in one message. Nothing is cached unless the share
 * says otherwise: Linux 6.12 loses or never ends what is written with `cache=mmap` while somebody asks for the file's
 * size (decision D48; docs/files.md says what each mode costs and shows).
 */
function mountOptions(cache = "none"): string {
  return `trans=virtio,version=9p2000.L,msize=512000,access=client,cache=${cache}`;
}

/**
 * Where the agent itself finds a read-only share: the same files, in a mount that may be written to as far as QEMU
 * allows.
 */
const ownFolder = "/run/qn/shares";

/**
 * Mounts every share that is not mounted yet, in their order: a folder comes before what lies in it. Throws
 * AGENT_FAILED with the folder's name when one fails.
 */
export async function mountShares(boot: Boot): Promise<void> {
  const table = mountTable();
  for (const share of boot.shares) {
    for (const view of viewsOf(share)) await mountShare({ ...share, ...view }, table);
    for (const link of share.links ?? []) await linkIfFree(share.folder === share.path ? share.path : "/tmp", link);
  }
  const covers = new Set(homesIn(boot));
  for (const path of covers) {
    // A cover may have come to a second mount of the same share by itself (mount_namespaces(7), shared subtrees).
    const now = mountTable();
    if (!now.some(({ target }) => target === path)) await coverHome(path, boot);
  }
  // The host's path of Docker's socket means the guest's own, also where the guest does not see QN_HOME.
  if (covers.size === 0) await linkIfFree(dockerSocket, boot.dockerSocket);
}

/** The name of the agent's own sockets for those of the host (sockets/show.ts) in the table of mounts. */
export const socketSource = "qn-sockets";

/** The mounts of shares, as far as they are in the table. */
export function sharesIn(table: readonly Mounted[]): readonly Mounted[] {
  return table.filter(({ type }) => shareTypes.has(type));
}

/** Where something of the host is mounted now: shares, what is shown of /tmp, and volumes that lie in a share. */
export function shareTargets(): readonly string[] {
  return [...new Set(sharesIn(mountTable()).map(({ target }) => target))];
}

/**
 * Takes all of it away, with the covers of QN_HOME and the sockets that lie on it, the last mount first; `mountShares`
 * brings it back. Throws AGENT_FAILED with who uses one; those behind it are gone by then.
 */
export function unmountShares(usersOf: (folder: string) => readonly string[]): void {
  const table = mountTable();
  const shares = new Set(sharesIn(table));
  for (const mounted of table.toReversed()) {
    if (!shares.has(mounted) && mounted.source !== coverSource && !isSocketIn(mounted, shares)) continue;
    try {
      unmountUnused(mounted.target);
    } catch (cause) {
      const users = usersOf(mounted.target);
      const who = users.length === 0 ? "Something in the guest" : users.join(", ");
      throw new QnError("AGENT_FAILED", `${who} uses ${mounted.target}, a folder of this machine.`, { cause });
    }
  }
}

/** Every tag and folder of a share: /tmp has two. */
export function viewsOf({
  tag,
  folder,
  again,
}: BootShare): readonly { readonly tag: string; readonly folder: string }[] {
  return [{ tag, folder }, ...(again === undefined ? [] : [again])];
}

/**
 * The path by which the agent itself finds what programs of the guest find at `path`, for it may not write where they
 * may not.
 */
export function ownPathOf(path: string, shares: Boot["shares"]): string {
  const innermost = innermostOf(path, shares);
  return innermost?.readOnly === true ? `${ownFolder}/${innermost.tag}${path.slice(innermost.path.length)}` : path;
}

/** A path below a link that leads to a mirrored folder (macOS: /private/tmp), as it is named in that folder. */
export function throughLinks(named: string, shares: Boot["shares"]): string {
  for (const { path, folder, links = [] } of shares) {
    const link = path === folder ? undefined : links.find((name) => liesIn(named, name));
    if (link !== undefined) return `${path}${named.slice(link.length)}`;
  }
  return named;
}

// --- internal ---

/** The name of the covers of QN_HOME in the table of mounts. */
const coverSource = "qn-home";

/** Whether it is one of the host's sockets that is mounted in a share. */
function isSocketIn({ source, target }: Mounted, shares: ReadonlySet<Mounted>): boolean {
  return source === socketSource && [...shares].some((share) => liesIn(target, share.target));
}

/** Types of file systems that a share can be, as the kernel names them. statfs(2) over 9p tells the host's own type. */
const shareTypes: ReadonlySet<string> = new Set(["9p", "virtiofs"]);

type BootShare = Boot["shares"][number];

/**
 * One view of a share. A read-only one is mounted aside, and shown at its place by a mount that may not be written to:
 * QEMU refuses to write anyway, and events of its files can be raised by whom the kernel does not refuse before.
 */
async function mountShare(share: BootShare, table: readonly Mounted[]): Promise<void> {
  const { tag, path, folder, readOnly, cache, driver = "9p" } = share;
  const options = driver === "9p" ? mountOptions(cache) : "";
  const isMounted = (target: string): boolean =>
    table.some((mounted) => mounted.source === tag && mounted.target === target);
  try {
    await mkdir(folder, { recursive: true });
    if (!readOnly) {
      if (!isMounted(folder)) mount(tag, folder, driver, options);
      return;
    }
    await mkdir(ownFolder, { recursive: true, mode: 0o700 });
    const own = `${ownFolder}/${tag}`;
    await mkdir(own, { recursive: true });
    if (!isMounted(own)) mount(tag, own, driver, options, true);
    if (!isMounted(folder)) bindMount(own, folder);
    setReadOnly(folder);
  } catch (cause) {
    throw new QnError("AGENT_FAILED", `The folder ${path} of the host cannot be mounted: ${String(cause)}.`, { cause });
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
  const showing = shares.filter(({ path }) => liesIn(home, path));
  return showing.flatMap((share) => [
    ...viewsOf(share).map(({ folder }) => `${folder}${home.slice(share.path.length)}`),
    ...(share.readOnly ? [ownPathOf(home, [share])] : []),
  ]);
}

/**
 * Hides the host's QN_HOME, with its disks, keys and settings, behind an empty folder. The VM's Docker socket is there
 * again as a link to the guest's own, so that `-v <host's socket>:/var/run/docker.sock` means what it says.
 */
async function coverHome(path: string, { home, dockerSocket: hostSocket }: Boot): Promise<void> {
  try {
    mount(coverSource, path, "tmpfs", "size=64k,mode=0755");
    const link = `${path}${hostSocket.slice(home.length)}`;
    await mkdir(dirname(link), { recursive: true });
    await symlink(dockerSocket, link);
  } catch (error) {
    if (!isErrno(error, "ENOENT") && !isErrno(error, "EEXIST")) throw error;
  }
}
