/** A QN_HOME whose VMs run on the fake QEMU: everything else is real, supervisor processes included. */
import { chmod, mkdir, readdir, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { bringUp, type UpOptions, type UpResult } from "../../src/host/lifecycle/up.ts";
import { statusOfVm } from "../../src/host/lifecycle/status.ts";
import { takeDown } from "../../src/host/lifecycle/down.ts";
import { formatManifest } from "../../src/host/image/manifest.ts";
import { hashOf } from "../../src/host/image/store.ts";
import { type Layout, layoutOf, type VmPaths } from "../../src/host/layout.ts";
import type { ControlEvent } from "../../src/host/supervisor/messages.ts";
import { protocolVersion } from "../../src/protocol/messages.ts";
import { ownArch } from "../../src/system/platform.ts";
import { run } from "../../src/system/process.ts";
import type { Behaviour } from "./fake-qemu.ts";
import { repository } from "./program.ts";
import type { TestLimits } from "./supervisor-run.ts";
import { tempHome } from "./temp-home.ts";
import { until } from "./until.ts";

/** What a test may take that starts supervisors and QEMUs, for `setDefaultTimeout`: each is a program that a busy machine is slow to start. */
export const programsMs = 120_000;

/** A VM named "default" that can be started. */
export type FakeVm = AsyncDisposable & {
  readonly layout: Layout;
  readonly paths: VmPaths;
  readonly env: Record<string, string>;
  /** What `up` was told so far: "phase disks", "warning …", "running". */
  readonly told: string[];
  /** Starts it as `qn up` does; `options` on top. */
  up(options?: Partial<UpOptions>): Promise<UpResult>;
  /** Lets the next QEMU behave otherwise. */
  behave(behaviour: Behaviour): Promise<void>;
  /** The command of a supervisor with other limits than usual, for `up`'s `self`. */
  supervisorWith(limits: TestLimits): readonly string[];
  /** Everything below QN_HOME but the image and caches, by path from there. */
  files(): Promise<string[]>;
};

/** Makes the home, an image and a QEMU. What still runs at the end of the test is ended. */
export async function fakeVm(behaviour: Behaviour): Promise<FakeVm> {
  const home = await tempHome({ images: false });
  const layout = layoutOf(home.path);
  const paths = layout.vm("default");
  const tools = join(home.path, "_tools");
  const program = join(tools, "qemu");
  await mkdir(tools);
  const behave = async (next: Behaviour): Promise<void> => {
    const script = join(import.meta.dir, "fake-qemu.ts");
    await writeFile(program, `#!/bin/sh\nexec '${process.execPath}' '${script}' ${next} "$@"\n`);
    await chmod(program, 0o755);
  };
  await behave(behaviour);
  const firmware = join(tools, "firmware.fd");
  await writeFile(firmware, "");
  // The flash of the aarch64 machine takes exactly this much (platforms.ts).
  await truncate(firmware, 64 * 1024 ** 2);
  await makeImage(layout);
  const env = {
    PATH: process.env["PATH"] ?? "",
    HOME: home.path,
    QN_QEMU: program,
    QN_FIRMWARE: firmware,
    QN_ACCEL: "tcg",
  };
  const told: string[] = [];
  const options: UpOptions = {
    layout,
    paths,
    env,
    flags: { mounts: [], cpus: 1, memoryMiB: 512, diskGiB: 2 },
    timeoutS: undefined,
    self: [process.execPath, join(repository, "src/main.ts")],
    signal: new AbortController().signal,
    onEvent: (event) => told.push(wordsOf(event)),
    pull: { onPhase: (text) => told.push(text), onBytes: () => {} },
  };
  return {
    layout,
    paths,
    env,
    told,
    behave,
    up: async (changes = {}) => await bringUp({ ...options, ...changes }),
    supervisorWith: (limits) => [process.execPath, join(import.meta.dir, "supervisor-run.ts"), JSON.stringify(limits)],
    files: async () => await filesIn(home.path),
    async [Symbol.asyncDispose]() {
      await takeDown(paths, { force: true }).catch(() => {});
      await home[Symbol.asyncDispose]();
    },
  };
}

/** Starts it, and calls the start off once it is told of a phase, in the words of `told`. */
export async function upCalledOffIn(vm: FakeVm, phase: string): Promise<UpResult> {
  const interrupted = new AbortController();
  const onEvent: UpOptions["onEvent"] = (event) => {
    if (wordsOf(event) === phase) interrupted.abort();
  };
  return await vm.up({ signal: interrupted.signal, onEvent });
}

/** The VM's status as `qn status` derives it. */
export async function stateOf({ paths, env }: FakeVm): Promise<{ state: string; reason: string | null }> {
  const { state, reason } = await statusOfVm(paths, env);
  return { state, reason };
}

/** Resolves when the VM is degraded for this reason. A supervisor that is slow to answer is degraded too, for another one. */
export async function isDegraded(vm: FakeVm, reason: string): Promise<void> {
  await until(`a VM that is degraded: ${reason}`, 60_000, async () => {
    const now = await stateOf(vm);
    return now.state === "degraded" && now.reason === reason ? true : undefined;
  });
}

/** The lines of a log that have these words in them. */
export async function linesWith(path: string, words: string): Promise<string[]> {
  return (await readFile(path, "utf8")).split(/\r?\n/).filter((line) => line.includes(words));
}

/** The command lines of processes that have `text` in them. */
export async function processesWith(text: string): Promise<string[]> {
  const table = await new Response(Bun.spawn(["ps", "-A", "-o", "args="]).stdout).text();
  return table.split("\n").filter((line) => line.includes(text));
}

// --- internal ---

async function makeImage(layout: Layout): Promise<void> {
  const arch = ownArch();
  const folder = layout.image("debian", arch);
  await mkdir(folder, { recursive: true });
  const disk = join(folder, "disk.qcow2");
  await run(["qemu-img", "create", "-q", "-f", "qcow2", disk, "1G"]);
  const manifest = {
    name: "debian",
    version: "1",
    arch,
    protocol: protocolVersion,
    recipe: "fake",
    inputs: "00".repeat(32),
    disk: { sha256: await hashOf(disk), sizeBytes: Bun.file(disk).size, virtualSizeBytes: 1024 ** 3 },
  };
  await writeFile(join(folder, "image.json"), formatManifest(manifest));
}

function wordsOf(event: ControlEvent): string {
  if (event.event === "phase") return `phase ${event.phase}`;
  return event.event === "warning" ? `warning ${event.text}` : event.event;
}

async function filesIn(home: string): Promise<string[]> {
  const entries = await readdir(home, { recursive: true, withFileTypes: true });
  return entries
    .map((entry) => join(entry.parentPath, entry.name).slice(home.length + 1))
    .filter((path) => !/^(_images|_tools|_cache|_ports\.lock|\.bun|\.docker)\b/.test(path))
    .toSorted();
}
