/** The template of throw-away VMs: a VM that was started once, up to Docker's answer, and saved with its memory. */
import { createHash } from "node:crypto";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { QnError } from "../../base/errors.ts";
import { byteSize } from "../../base/words.ts";
import { pause } from "../../system/clock.ts";
import { namesIn, readTextIfThere, writeFileAtomically } from "../../system/files.ts";
import type { ConfigInput, Share } from "../config/schema.ts";
import { freeBytes } from "../image/copy-disk.ts";
import type { PullTold } from "../image/pull/pull.ts";
import type { Layout, VmPaths } from "../layout.ts";
import { cloneVm } from "../lifecycle/clone.ts";
import { takeDown } from "../lifecycle/down.ts";
import { proxySettings } from "../supervisor/boot/proxy.ts";
import { connectControl, eventsOf } from "../supervisor/control.ts";
import type { ControlEvent } from "../supervisor/messages.ts";
import { isSuspended } from "../supervisor/suspend/files.ts";
import { diskIdentities } from "../supervisor/suspend/identity.ts";
import { templateMisfit } from "../supervisor/suspend/resume.ts";
import { readHead } from "../supervisor/suspend/state.ts";
import { liveDisk } from "../image/live-disk.ts";
import { makeFolder } from "../vm/folder-version.ts";
import { prepareOrPull } from "../vm/prepare-or-pull.ts";
import { requireVm } from "../vm/require-vm.ts";
import type { Environment } from "../vm/settings.ts";
import { startOwnVm } from "./follow.ts";
import { homeOf, lockHome, prefixes } from "./folders.ts";

/** What throw-away VMs are made with, and who hears of what takes its time. */
export type TemplateOptions = {
  readonly layout: Layout;
  readonly env: Environment;
  readonly version: string;
  readonly self: readonly string[];
  /** The settings that were asked for. */
  readonly flags: ConfigInput;
  /** The VM whose disks it begins with; a new one unless given. */
  readonly from: string | undefined;
  /** What the copy will have, which its template has not. */
  readonly reached: Reached;
  readonly signal: AbortSignal;
  readonly onEvent: (event: ControlEvent) => void;
  /** Called when a template is made, by this qn or another one, with why the one that there was is of no use. */
  readonly onMake: (why: string | undefined) => void;
  readonly pull: PullTold;
};

/** What of the world a throw-away VM reaches: folders of this machine, and of the network what these settings say. */
export type Reached = { readonly mounts: readonly Share[]; readonly network: ConfigInput["network"] };

/**
 * The settings that a throw-away VM has whatever others have: it sees nothing of this machine that was not named, and
 * leaves nothing.
 */
const apart: ConfigInput = {
  files: { driver: "9p", tmp: "none", sockets: [] },
  volumes: [],
  flake: "none",
  docker: { context: "none" },
  idle: { after: "never", pause: "never", wake: "never" },
  nixBuilder: false,
  sound: false,
  window: false,
  protected: false,
};

/** The settings of a throw-away VM that reaches this, or of a template. */
export function settingsOf(flags: ConfigInput, { mounts, network }: Reached = nothing): ConfigInput {
  return { ...flags, ...apart, mounts: [...mounts], network: { ...network, tap: "none" } };
}

/**
 * The template's paths, once it is there and fits: it is made where it is not, or where what it was made from is not
 * the same any more. Throws what a start throws, DISK_FAILED without room for its memory, NO_SUCH_VM and VM_RUNNING.
 */
export async function readyTemplate(options: TemplateOptions): Promise<VmPaths> {
  const { layout, env, flags, from, signal, onEvent, onMake } = options;
  const key = JSON.stringify([flags, from, proxySettings(env)]);
  const id = createHash("sha256").update(key).digest("hex").slice(0, 8);
  const paths = layout.throwaway(`${prefixes.template}${id}`);
  for (;;) {
    const lock = await lockHome(paths);
    if (lock !== undefined) {
      try {
        await make(paths, options);
        return paths;
      } finally {
        lock.release();
      }
    }
    // Somebody is just making it: who comes later waits for the same.
    const control = await connectControl(paths.controlSocket);
    if (control === undefined) {
      await pause(betweenMs, signal);
    } else {
      onMake(undefined);
      for await (const event of eventsOf(control, { ask: "follow" })) onEvent(event);
    }
    if (signal.aborted) throw new QnError("INTERRUPTED", "The start was called off.");
  }
}

// --- internal ---

const nothing: Reached = { mounts: [], network: {} };

/** A qn that has the lock and does not listen is just beginning, looking, or at its end. */
const betweenMs = 50;

/** The file that says what the template was made from. */
function noteOf({ folder }: VmPaths): string {
  return join(folder, "template.json");
}

async function make(paths: VmPaths, options: TemplateOptions): Promise<void> {
  const { layout, env, from, version, signal, onMake, pull } = options;
  const source = from === undefined ? undefined : layout.vm(from);
  if (source !== undefined) await requireVm(source);
  const note = JSON.stringify({ version, disks: source === undefined ? [] : await disksOf(source) });
  const prepare = (reached?: Reached) =>
    prepareOrPull({ layout, paths, env, flags: settingsOf(options.flags, reached), signal, pull, template: paths });
  const isThere = await isSuspended(paths);
  let why: string | undefined;
  if (isThere) {
    const head = await readHead(paths.suspended);
    if (head === undefined) why = "it is not whole";
    else if ((await readTextIfThere(noteOf(paths))) !== note) why = "what it was made from has changed";
    else why = await templateMisfit({ layout, paths, env }, await prepare(), head);
    if (why === undefined) return;
  }
  // What the copy will be refused for is said before anybody waits for the template.
  const { config } = await prepare(options.reached);
  onMake(why);
  // The folder itself is locked.
  for (const name of await namesIn(homeOf(paths))) await rm(join(homeOf(paths), name), { recursive: true });
  try {
    if (source === undefined) await makeFolder(paths);
    else await cloneVm(source, paths, env);
    await mkdir(paths.emptyFolder, { mode: 0o700 });
    await refuseFull(paths, config.memoryMiB);
    await writeFileAtomically(noteOf(paths), note);
    await startAndSave(paths, { ...options, flags: settingsOf(options.flags) });
  } catch (error) {
    await rm(homeOf(paths), { recursive: true, force: true });
    throw error;
  }
}

async function startAndSave(paths: VmPaths, options: TemplateOptions): Promise<void> {
  const log = Bun.file(paths.logs.supervisor).writer();
  const vm = await startOwnVm({ ...options, paths, template: paths, log: (line) => void log.write(line) });
  try {
    await takeDown(paths, { force: false, env: options.env, suspend: () => {} });
    await vm.ended;
  } finally {
    await vm.end();
    await log.end();
  }
}

/** What a VM's disks are now; whoever starts it changes that. */
async function disksOf(source: VmPaths): Promise<unknown> {
  const { systemDisk, firmwareVars, dataDisk } = source;
  return await diskIdentities({ systemDisk, firmwareVars, dataDisk: (await liveDisk(dataDisk)).path, volumes: [] });
}

/** A guest whose memory is a file ends at once where the disk is full. */
async function refuseFull({ folder }: VmPaths, memoryMiB: number): Promise<void> {
  const [free, needed] = [await freeBytes(folder), memoryMiB * 1024 ** 2];
  if (free >= needed) return;
  throw new QnError(
    "DISK_FAILED",
    `A template with ${byteSize(needed)} of memory may take that much; ${byteSize(free)} are free in ${folder}.`,
    { hint: "Free some, or give it less with `--memory`." },
  );
}
