/** A stopped VM with real disks of a few megabytes, and what is in them as a guest would see it. */
import { mkdir, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { makeSystemDisk } from "../../src/host/image/disk.ts";
import { liveDisk } from "../../src/host/image/live-disk.ts";
import { hashOf } from "../../src/host/image/store.ts";
import { type Layout, layoutOf, type VmPaths } from "../../src/host/layout.ts";
import { snapshotNames } from "../../src/host/snapshot/names.ts";
import { writeFolderVersion } from "../../src/host/vm/folder-version.ts";
import { run } from "../../src/system/process.ts";
import { tempHome } from "./temp-home.ts";

/** The size of its data disk. */
export const dataBytes = 8 * 1024 ** 2;

/** A VM `default` that has been up once. */
export type StoppedVm = AsyncDisposable & {
  readonly home: string;
  readonly layout: Layout;
  readonly paths: VmPaths;
  readonly env: Record<string, string>;
  /** Writes 64 KiB of `byte` into both disks at `at`, in KiB, and settings of that many megabytes of memory. */
  change(byte: number, at?: number): Promise<void>;
  /** All that counts of the VM: settings, what is in the disks, the names of snapshots. */
  seen(): Promise<VmSeen>;
  /** Everything below `_data` and the VM's folder, by path from QN_HOME. */
  files(): Promise<string[]>;
};

/** What there is to compare of a VM. */
export type VmSeen = {
  readonly config: string;
  readonly system: string;
  readonly data: string;
  readonly snapshots: readonly string[];
};

/** Makes it below `parent`, or where tests have their folders. */
export async function stoppedVm(parent?: string): Promise<StoppedVm> {
  const temp = await tempHome({ images: false, ...(parent !== undefined && { parent }) });
  const home = temp.path;
  const layout = layoutOf(home);
  const paths = layout.vm("default");
  const image = join(home, "image.qcow2");
  await mkdir(paths.folder, { mode: 0o700 });
  await mkdir(dirname(paths.dataDisk), { mode: 0o700 });
  await writeFolderVersion(paths);
  await program("qemu-img", "create", "-q", "-f", "qcow2", image, "4M");
  await makeSystemDisk(paths.systemDisk, image);
  await writeFile(`${paths.systemDisk}.origin`, await hashOf(image));
  await writeFile(paths.firmwareVars, "variables");
  await writeFile(`${paths.firmwareVars}.origin`, "tried\n");
  await writeFile(paths.dataDisk, "", { mode: 0o600 });
  await truncate(paths.dataDisk, dataBytes);
  const vm: StoppedVm = {
    home,
    layout,
    paths,
    env: { PATH: process.env["PATH"] ?? "", HOME: home, QN_HOME: home, DOCKER_CONFIG: join(home, "_docker") },
    async change(byte, at = 0) {
      await writeFile(paths.config, `memoryMiB: ${512 + byte}\n`);
      await pattern(paths.systemDisk, "qcow2", byte, at);
      const { path, format } = await liveDisk(paths.dataDisk);
      await pattern(path, format, byte, at);
    },
    async seen() {
      const live = await liveDisk(paths.dataDisk);
      return {
        config: await readFile(paths.config, "utf8"),
        system: await contentOf(home, paths.systemDisk, "qcow2"),
        data: await contentOf(home, live.path, live.format),
        snapshots: snapshotNames(paths),
      };
    },
    async files() {
      const entries = await readdir(home, { recursive: true, withFileTypes: true });
      return entries
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name).slice(home.length + 1))
        .filter((path) => /^(_data|default)\//.test(path))
        .toSorted();
    },
    [Symbol.asyncDispose]: () => temp[Symbol.asyncDispose](),
  };
  await vm.change(1);
  return vm;
}

/** The bytes that files of a VM take on the disk; names of one file are one. */
export async function bytesOf(files: readonly string[]): Promise<number> {
  const facts = await Promise.all(files.map((file) => stat(file)));
  return [...new Map(facts.map(({ ino, blocks }) => [ino, blocks * 512])).values()].reduce(
    (sum, each) => sum + each,
    0,
  );
}

// --- internal ---

async function pattern(path: string, format: string, byte: number, atKiB: number): Promise<void> {
  await program("qemu-io", "-f", format, "-c", `write -q -P ${byte} ${atKiB}k 64k`, path);
}

/** The hash of what a guest would read. */
async function contentOf(home: string, path: string, format: string): Promise<string> {
  const raw = join(home, `content-${crypto.randomUUID()}`);
  try {
    await program("qemu-img", "convert", "-f", format, "-O", "raw", path, raw);
    return await hashOf(raw);
  } finally {
    await rm(raw, { force: true });
  }
}

async function program(...command: readonly string[]): Promise<void> {
  const { exitCode, stderr, stdout } = await run(command);
  if (exitCode !== 0) throw new Error(`${command.join(" ")}: ${stderr}${stdout}`);
}
