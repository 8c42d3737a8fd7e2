/** The daemons that serve shares by virtiofs: one for each share, started before QEMU and gone with it. */
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
import type { Voice } from "./voice.ts";

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
  { virtiofsd, shares, self }: Pick<Prepared, "virtiofsd" | "shares"> & { readonly self: readonly string[] },
  paths: VmPaths,
  voice: Voice,
  { onEnd, warn }: Told,
): Promise<{ stop(): void }> {
  const served = shares.filter(({ driver }) => driver === "virtiofs");
  const children: Bun.Subprocess[] = [];
  const stop = (): void => {
    for (const child of children) child.kill("SIGKILL");
  };
  if (served.length === 0) return { stop };
  const warning = virtiofsd === undefined ? undefined : openFilesWarning(await readFile("/proc/self/limits", "utf8"));
  if (warning !== undefined) warn(warning);
  try {
    for (const share of served) {
      const command =
        virtiofsd === undefined ? ownCommand(self, paths, share) : virtiofsdCommand(virtiofsd, paths, share);
      children.push(await startOne(command, paths, voice, share, onEnd));
    }
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

/**
 * How long the guest believes what it has seen of a file: with none each look at one costs two questions, and 100 ms
 * are nearly as good as a second.
 */
const lifetimesMs = { mmap: 100, none: 0, loose: 1000 } as const;

/** This program's own server of one share, which ends as QEMU does. */
function ownCommand(self: readonly string[], paths: VmPaths, share: GuestShare): readonly string[] {
  return [
    ...self,
    "virtiofs",
    `--folder=${share.path}`,
    `--socket=${shareSocket(paths, share.tag)}`,
    `--lifetime-ms=${lifetimesMs[share.cache ?? "mmap"]}`,
    ...(share.readOnly ? ["--read-only"] : []),
  ];
}

async function startOne(
  command: readonly string[],
  paths: VmPaths,
  voice: Voice,
  share: GuestShare,
  onEnd: Told["onEnd"],
): Promise<Bun.Subprocess> {
  const socket = shareSocket(paths, share.tag);
  await rm(socket, { force: true });
  using folder = watchFolder(dirname(socket));
  // In a session of its own, as QEMU is: it outlives a supervisor that dies.
  const child = Bun.spawn([...command], { stdin: "ignore", stdout: voice.fd, stderr: voice.fd, detached: true });
  child.unref();
  const ended = child.exited.then(() => onEnd(share));
  const isReady = await Promise.race([appearance(socket, folder).then(() => true), ended.then(() => false)]);
  if (isReady) return child;
  await voice.heard();
  throw new QnError("QEMU_FAILED", `The server ended with status ${child.exitCode} for the mount ${share.path}.`, {
    details: tailOf(paths.logs.qemu, 5),
  });
}

async function appearance(path: string, folder: FolderWatch): Promise<void> {
  while (!(await isThere(path))) await folder.changed();
}
