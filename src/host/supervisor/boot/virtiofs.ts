/** The processes that serve shares by virtiofs: one for each share, started before QEMU and gone with it. */
import { rm } from "node:fs/promises";
import { dirname } from "node:path";
import { QnError } from "../../../base/errors.ts";
import { isThere } from "../../../system/files.ts";
import { socketPair } from "../../../system/kernel/descriptors.ts";
import { closeFd } from "../../../system/kernel/file-calls.ts";
import { type FolderWatch, watchFolder } from "../../../system/watch.ts";
import { shareSocket, type VmPaths } from "../../layout.ts";
import type { Served } from "./boot.ts";
import { tailOf } from "./serial.ts";
import type { Voice } from "./voice.ts";

/** Servers that wait for QEMU: of which shares, by their tags, and what ends them where it never comes. */
export type Servers = { readonly tags: ReadonlySet<string>; stop(): void };

/** What their output goes to. */
export type Speaking = Pick<Voice, "fd" | "heard">;

/**
 * Starts them at once by the command `self`, and resolves when QEMU can connect to each. Throws QEMU_FAILED when one
 * does not start. `onEnd` is told of one that ends: the guest waits for its
 * share without end where it is still plugged in.
 */
export async function startVirtiofs(
  { served, self }: { readonly served: readonly Served[]; readonly self: readonly string[] },
  paths: VmPaths,
  voice: Speaking,
  onEnd: OnEnd,
): Promise<Servers> {
  const starts = served.map((share) => startOne(serverCommand(self, paths, share), paths, voice, share, onEnd));
  const all = await Promise.allSettled(starts);
  const stop = (): void => {
    for (const each of all) if (each.status === "fulfilled") each.value.kill("SIGKILL");
  };
  const failed = all.find((each) => each.status === "rejected");
  if (failed === undefined) return { tags: new Set(served.map(({ tag }) => tag)), stop };
  stop();
  throw failed.reason;
}

// --- internal ---

type OnEnd = (share: Served) => void;

/**
 * How long the guest believes what it has seen of a file: with none each look at one costs two questions, and 100 ms
 * are nearly as good as a second.
 */
const lifetimesMs = { mmap: 100, none: 0, loose: 1000 } as const;

/** This program as the server of one share, which ends as QEMU does. */
function serverCommand(self: readonly string[], paths: VmPaths, share: Served): readonly string[] {
  return [
    ...self,
    "virtiofs",
    `--folder=${share.path}`,
    `--socket=${shareSocket(paths, share.tag)}`,
    `--lifetime-ms=${lifetimesMs[share.cache ?? "mmap"]}`,
    ...(share.readOnly ? ["--read-only"] : []),
    ...(share.answers === true ? [`--answer=${paths.mountSocket}`, `--tag=${share.tag}`] : []),
  ];
}

async function startOne(
  command: readonly string[],
  paths: VmPaths,
  voice: Speaking,
  share: Served,
  onEnd: OnEnd,
): Promise<Bun.Subprocess> {
  const socket = shareSocket(paths, share.tag);
  await rm(socket, { force: true });
  using folder = watchFolder(dirname(socket));
  // By its input it hears whether this supervisor lives, for as long as QEMU has not come.
  const [ours, theirs] = socketPair();
  // In a session of its own, as QEMU is: it outlives a supervisor that dies.
  const child = Bun.spawn([...command], { stdin: theirs, stdout: voice.fd, stderr: voice.fd, detached: true });
  closeFd(theirs);
  child.unref();
  const ended = (async (): Promise<void> => {
    await child.exited;
    closeFd(ours);
    onEnd(share);
  })();
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
