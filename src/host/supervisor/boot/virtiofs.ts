/** The daemons that serve shares by virtiofs: one for each share, started before QEMU and gone with it. */
import { closeSync, openSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { QnError } from "../../../base/errors.ts";
import { isThere } from "../../../system/files.ts";
import { type FolderWatch, watchFolder } from "../../../system/watch.ts";
import { shareSocket, type VmPaths } from "../../layout.ts";
import type { Prepared } from "../../vm/prepare.ts";
import { openFilesWarning } from "../../qemu/probe-virtiofsd.ts";
import type { GuestShare } from "../../vm/shares.ts";
import { tailOf } from "./serial.ts";

/**
 * Who is told of a share's daemon: when it ends, since the guest then waits for that share without end, and what it may
 * lack.
 */
type Told = { readonly onEnd: (share: GuestShare) => void; readonly warn: (text: string) => void };

/**
 * Starts the daemons, and resolves when QEMU can connect to each. Throws QEMU_FAILED when one does not start; `stop`
 * ends them where QEMU never came.
 */
export async function startVirtiofs(
  { virtiofsd, shares }: Pick<Prepared, "virtiofsd" | "shares">,
  paths: VmPaths,
  { onEnd, warn }: Told,
): Promise<{ stop(): void }> {
  const served = shares.filter(({ driver }) => driver === "virtiofs");
  const children: Bun.Subprocess[] = [];
  const stop = (): void => {
    for (const child of children) child.kill("SIGKILL");
  };
  if (virtiofsd === undefined) return { stop };
  const warning = openFilesWarning(await readFile("/proc/self/limits", "utf8"));
  if (warning !== undefined) warn(warning);
  try {
    for (const share of served)
      children.push(await startOne(virtiofsdCommand(virtiofsd, paths, share), paths, share, onEnd));
  } catch (error) {
    stop();
    throw error;
  }
  return { stop };
}

// --- internal ---

/**
 * The daemon's words for the share's cache: `auto` asks the host at each open, as `mmap` does with 9p, and is meant
 * unless named.
 */
const caches = { mmap: "auto", none: "never", loose: "always" } as const;

/** The daemon's command line. It runs as the user, like QEMU, and ends by itself when QEMU hangs up. */
function virtiofsdCommand(program: string, paths: VmPaths, share: GuestShare): readonly string[] {
  return [
    program,
    `--shared-dir=${share.path}`,
    `--socket-path=${shareSocket(paths, share.tag)}`,
    `--cache=${caches[share.cache ?? "mmap"]}`,
    // A namespace of its own needs rights that an ordinary user may lack; paths are resolved below the share anyway.
    "--sandbox=none",
    "--inode-file-handles=never",
    ...(share.readOnly ? ["--readonly"] : []),
  ];
}

async function startOne(
  command: readonly string[],
  paths: VmPaths,
  share: GuestShare,
  onEnd: Told["onEnd"],
): Promise<Bun.Subprocess> {
  const socket = shareSocket(paths, share.tag);
  await rm(socket, { force: true });
  using folder = watchFolder(dirname(socket));
  const log = openSync(paths.logs.qemu, "a", 0o600);
  // In a session of its own, as QEMU is: it outlives a supervisor that dies.
  const child = Bun.spawn([...command], { stdin: "ignore", stdout: log, stderr: log, detached: true });
  closeSync(log);
  child.unref();
  const ended = child.exited.then(() => onEnd(share));
  const isReady = await Promise.race([appearance(socket, folder).then(() => true), ended.then(() => false)]);
  if (isReady) return child;
  throw new QnError("QEMU_FAILED", `virtiofsd ended with status ${child.exitCode} for the mount ${share.path}.`, {
    details: tailOf(paths.logs.qemu, 5),
  });
}

async function appearance(path: string, folder: FolderWatch): Promise<void> {
  while (!(await isThere(path))) await folder.changed();
}
