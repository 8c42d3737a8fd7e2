/** A VM's data as one file: there and back, and files that somebody has made up or that a way has damaged. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { createHash } from "node:crypto";
import { readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { liveDisk } from "../../../../src/host/image/live-disk.ts";
import { whileStopped } from "../../../../src/host/lifecycle/while-stopped.ts";
import { exportVm } from "../../../../src/host/snapshot/archive/export.ts";
import { importVm } from "../../../../src/host/snapshot/archive/import.ts";
import { mark } from "../../../../src/host/snapshot/archive/manifest.ts";
import { createSnapshot } from "../../../../src/host/snapshot/create.ts";
import { testWithChance } from "../../../support/chance.ts";
import { failureOf } from "../../../support/failures.ts";
import { programsMs } from "../../../support/fake-vm.ts";
import { dataBytes, type StoppedVm, stoppedVm } from "../../../support/stopped-vm.ts";

setDefaultTimeout(programsMs);

const facts = { arch: "x86_64", qn: "0", madeAtMs: 1 } as const;
const { signal } = new AbortController();

/** Exports the VM to a file beside it. */
async function exported(vm: StoppedVm): Promise<string> {
  const file = join(vm.home, "_out.qndata");
  await exportVm(vm.paths, file, facts, signal);
  return file;
}

/** Imports a file as the VM `web`, and settles it as the command does. */
async function imported(vm: StoppedVm, file: string): Promise<void> {
  const web = vm.layout.vm("web");
  await importVm(vm.layout, web, file, signal);
  await whileStopped(web, vm.env, async () => {});
}

/** Names below QN_HOME and `_data`: whatever an import leaves is there. */
async function names(vm: StoppedVm): Promise<string[]> {
  return [...(await readdir(vm.home)), ...(await readdir(vm.layout.data))].toSorted();
}

/** What an export says that is right in all, of a disk of 1 MiB with one piece. */
const said = {
  format: 1,
  qn: "0",
  arch: "x86_64",
  madeAtMs: 1,
  settings: {},
  leftOut: [],
  disks: [{ name: "data", sizeBytes: 1024 ** 2, dataBytes: 4096 }],
};

/** A piece as the format has it. */
function piece(offset: number, length: number, bytes = Buffer.alloc(length, 7)): Buffer {
  const head = Buffer.alloc(12);
  head.writeBigUInt64LE(BigInt(offset));
  head.writeUInt32LE(length, 8);
  return Buffer.concat([head, bytes]);
}

/** A file of the format with these parts, its digest right unless there is another one, and something behind it. */
function archive(
  manifest: unknown,
  pieces: readonly Buffer[],
  { digest, behind = Buffer.alloc(0) }: { readonly digest?: Buffer; readonly behind?: Buffer } = {},
): Buffer {
  const text = Buffer.from(typeof manifest === "string" ? manifest : JSON.stringify(manifest));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(text.length);
  const content = Buffer.concat([length, text, ...pieces]);
  const end = digest ?? createHash("sha256").update(content).digest();
  return Buffer.concat([mark, Bun.zstdCompressSync(Buffer.concat([content, end, behind]))]);
}

const last = piece(0, 0);
const one = { ...said.disks[0] };

test("an exported VM is imported with its data and the settings that are its own, and only its owner reads it", async () => {
  await using vm = await stoppedVm();
  await writeFile(vm.paths.config, "cpus: 3\nmounts: [/]\nports: {deny: [22], bind: all}\nqemu: {args: [-usb]}\n");
  // Through a layer.
  await createSnapshot(vm.paths, "first", 1);
  const { data } = await vm.seen();
  const file = await exported(vm);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect((await stat(file)).size).toBeLessThan(20_000);
  await imported(vm, file);
  const web = vm.layout.vm("web");
  const disk = await liveDisk(web.dataDisk);
  const content = createHash("sha256")
    .update(await readFile(disk.path))
    .digest("hex");
  expect([disk.format, content, (await stat(disk.path)).mode & 0o777]).toEqual(["raw", data, 0o600]);
  // The holes are holes.
  expect((await stat(disk.path)).blocks * 512).toBeLessThan(dataBytes / 2);
  expect(Bun.YAML.parse(await readFile(web.config, "utf8"))).toEqual({ cpus: 3, ports: { deny: [22] }, diskGiB: 2 });
  expect((await readdir(web.folder)).toSorted()).toEqual(["config.yaml", "lock", "version"]);
  expect((await names(vm)).filter((name) => name.includes("import") || name.includes("tmp"))).toEqual([]);
});

test("an export replaces no file, and an import no VM and no data", async () => {
  await using vm = await stoppedVm();
  const file = await exported(vm);
  const content = await readFile(file);
  expect((await failureOf(() => exported(vm))).code).toBe("USAGE");
  expect(content.equals(await readFile(file))).toBe(true);
  const before = await names(vm);
  expect((await failureOf(() => importVm(vm.layout, vm.paths, file, signal))).code).toBe("VM_EXISTS");
  await writeFile(vm.layout.vm("web").dataDisk, "data");
  expect((await failureOf(() => imported(vm, file))).code).toBe("VM_EXISTS");
  expect([await names(vm), await readFile(vm.layout.vm("web").dataDisk, "utf8")]).toEqual([
    [...before, "web.raw"].toSorted(),
    "data",
  ]);
});

test("an export or import that is called off leaves nothing", async () => {
  await using vm = await stoppedVm();
  const file = await exported(vm);
  const before = await names(vm);
  const off = AbortSignal.abort();
  for (const action of [
    () => exportVm(vm.paths, `${file}2`, facts, off),
    () => importVm(vm.layout, vm.layout.vm("web"), file, off),
  ]) {
    expect((await failureOf(action)).code).toBe("INTERRUPTED");
  }
  expect(await names(vm)).toEqual(before);
});

test("what the tests of damage make is imported when it is right in all", async () => {
  await using vm = await stoppedVm();
  const file = join(vm.home, "_made");
  await writeFile(file, archive(said, [piece(4096, 4096), last]));
  await imported(vm, file);
  const content = await readFile(vm.layout.vm("web").dataDisk);
  expect([content.length, content.indexOf(7), content.lastIndexOf(7)]).toEqual([1024 ** 2, 4096, 8191]);
});

/** What is wrong with a file, and what is said of it. */
const damaged: Readonly<Record<string, readonly [Buffer, string]>> = {
  "nothing in it": [Buffer.alloc(0), "it is no export of this qn's"],
  "a mark alone": [mark, "it"],
  "a tar file's head": [
    Buffer.concat([Buffer.from("../../etc/passwd"), Buffer.alloc(600)]),
    "it is no export of this qn's",
  ],
  "no zstd behind its mark": [Buffer.concat([mark, Buffer.alloc(100, 1)]), "it is damaged"],
  "a manifest without end": [
    Buffer.concat([mark, Bun.zstdCompressSync(Buffer.alloc(1024 ** 2, 255))]),
    "its manifest has 4294967295 bytes",
  ],
  "a manifest that is no JSON": [archive("{", [last]), "its manifest is not JSON"],
  "a manifest of another format": [archive({ ...said, format: 2 }, [last]), 'its manifest is wrong at "format"'],
  "a disk of another name": [
    archive({ ...said, disks: [{ ...one, name: "../x" }] }, [last]),
    'its manifest is wrong at "disks.0.name"',
  ],
  "two disks": [archive({ ...said, disks: [one, one] }, [last, last]), 'its manifest is wrong at "disks'],
  "a disk of no size": [
    archive({ ...said, disks: [{ ...one, sizeBytes: 0 }] }, [last]),
    'its manifest is wrong at "disks.0.sizeBytes"',
  ],
  "a disk of part of a sector": [
    archive({ ...said, disks: [{ ...one, sizeBytes: 1000 }] }, [last]),
    'its manifest is wrong at "disks.0.sizeBytes"',
  ],
  "a disk without measure": [
    archive({ ...said, disks: [{ ...one, sizeBytes: 2 ** 52 }] }, [last]),
    'its manifest is wrong at "disks.0.sizeBytes"',
  ],
  "names with escapes": [archive({ ...said, leftOut: ["\u001b[2J"] }, [last]), 'its manifest is wrong at "leftOut.0"'],
  "a piece behind the disk's end": [archive(said, [piece(1024 ** 2, 512), last]), "a piece of 512 bytes at 1048576"],
  "a piece across the disk's end": [archive(said, [piece(1024 ** 2 - 256, 512), last]), "a piece of 512 bytes"],
  "a piece far out": [
    archive(said, [Buffer.concat([Buffer.alloc(8, 255), Buffer.from([1, 0, 0, 0]), Buffer.alloc(1)]), last]),
    "a piece of 1 bytes",
  ],
  "pieces one over the other": [
    archive(said, [piece(0, 1024), piece(512, 1024), last]),
    "a piece of 1024 bytes at 512",
  ],
  "a piece that is too large": [
    archive({ ...said, disks: [{ ...one, sizeBytes: 2 ** 30, dataBytes: 2 ** 30 }] }, [piece(0, 1024 ** 2 + 1), last]),
    "a piece of 1048577 bytes",
  ],
  "more than it has announced": [archive(said, [piece(0, 4096), piece(4096, 1), last]), "a piece of 1 bytes at 4096"],
  "an end in a piece": [
    archive(said, [piece(0, 4096).subarray(0, 2000)], { digest: Buffer.alloc(0) }),
    "it ends too early",
  ],
  "no digest": [archive(said, [last], { digest: Buffer.alloc(0) }), "it ends too early"],
  "a digest of something else": [
    archive(said, [last], { digest: Buffer.alloc(32) }),
    "its digest is not that of its content",
  ],
  "something behind its end": [archive(said, [last], { behind: Buffer.from("x") }), "it goes on behind its end"],
  "something behind its last frame": [Buffer.concat([archive(said, [last]), Buffer.from("x")]), "it is damaged"],
};

test.each(Object.entries(damaged))(
  "a file with %s is refused, and nothing is left of it",
  async (_, [bytes, words]) => {
    await using vm = await stoppedVm();
    const file = join(vm.home, "_made");
    await writeFile(file, bytes);
    const before = await names(vm);
    const { code, message } = await failureOf(() => imported(vm, file));
    expect([code, message]).toEqual([
      "ARCHIVE_REFUSED",
      expect.stringContaining(`"${file}" cannot be imported: ${words}`),
    ]);
    expect(await names(vm)).toEqual(before);
  },
);

test("no folder, link to nothing or FIFO is waited for, and more than there is room for is refused before it is read", async () => {
  await using vm = await stoppedVm();
  const file = join(vm.home, "_made");
  await symlink(join(vm.home, "nowhere"), `${file}1`);
  await Bun.spawn(["mkfifo", `${file}2`]).exited;
  await writeFile(file, archive({ ...said, disks: [{ ...one, sizeBytes: 2 ** 45, dataBytes: 2 ** 45 }] }, [last]));
  const before = await names(vm);
  for (const path of [vm.layout.data, `${file}1`, `${file}2`]) {
    expect((await failureOf(() => imported(vm, path))).code).toBe("ARCHIVE_REFUSED");
  }
  const { code, message } = await failureOf(() => imported(vm, file));
  expect([code, message]).toEqual(["DISK_FAILED", expect.stringMatching(/needs 32 TiB, and .* are free/)]);
  expect(await names(vm)).toEqual(before);
});

test("settings of a file that would open the machine, that are wrong or that nobody knows are not taken", async () => {
  await using vm = await stoppedVm();
  const file = join(vm.home, "_made");
  const settings = {
    cpus: "many",
    memoryMiB: 700,
    mounts: [{ path: "/" }],
    "qemu.args": ["-usb"],
    "ports.bind": "all",
    provision: [{ run: "id" }],
    "__proto__.x": 1,
    constructor: 1,
    flake: "/x#y",
  };
  await writeFile(file, archive({ ...said, settings }, [last]));
  await imported(vm, file);
  const text = await readFile(vm.layout.vm("web").config, "utf8");
  expect(Bun.YAML.parse(text)).toEqual({ memoryMiB: 700, diskGiB: 2 });
});

testWithChance(
  "a file that is cut short or has bits turned over is refused, or holds what it held",
  async (chance) => {
    await using vm = await stoppedVm();
    const { data } = await vm.seen();
    const whole = await readFile(await exported(vm));
    const file = join(vm.home, "_made");
    await writeFile(file, "");
    const before = await names(vm);
    let refusals = 0;
    for (let round = 0; round < 150; round += 1) {
      const bytes = round % 3 === 0 ? whole.subarray(0, chance.below(whole.length)) : chance.spoil(whole);
      await writeFile(file, bytes);
      const failure = await failureOf(() => imported(vm, file)).catch(() => undefined);
      if (failure === undefined) {
        const { path } = await liveDisk(vm.layout.vm("web").dataDisk);
        expect(
          createHash("sha256")
            .update(await readFile(path))
            .digest("hex"),
        ).toBe(data);
        await Bun.spawn(["rm", "-r", path, vm.layout.vm("web").folder]).exited;
      } else {
        refusals += 1;
        expect(failure.code).toBe("ARCHIVE_REFUSED");
      }
      expect(await names(vm)).toEqual(before);
    }
    expect(refusals).toBeGreaterThan(100);
  },
  programsMs,
);
