/** Planned command lines, started by the real QEMU of both architectures. A QEMU that is not installed is a skip. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { arches } from "../../../../src/base/words.ts";
import type { VmConfig } from "../../../../src/host/config/schema.ts";
import { type BootPorts, type VmSpec, qemuArgs } from "../../../../src/host/qemu/args.ts";
import type { HostFacts } from "../../../../src/host/qemu/facts.ts";
import { type Firmware, guestPlatforms } from "../../../../src/host/qemu/platforms.ts";
import { probeHost } from "../../../../src/host/qemu/probe.ts";
import { liveDisk, removeDisk } from "../../../../src/host/image/live-disk.ts";
import { type QmpClient, awaitQmp, connectQmp } from "../../../../src/host/qmp/client.ts";
import { queryStatus, queryVersion, quit, userNetForwards } from "../../../../src/host/qmp/commands.ts";
import { freeze, settleDisk } from "../../../../src/host/snapshot/layers.ts";
import { keepConsole } from "../../../../src/host/supervisor/boot/console.ts";
import { lanePorts } from "../../../../src/protocol/lane-ports.ts";
import { findProgram, run } from "../../../../src/system/process.ts";
import { watchFolder } from "../../../../src/system/watch.ts";
import { folderIn, furnishedVm } from "../../../support/real-qemu.ts";

let home = "";

beforeAll(async () => {
  // Every path below it has what QEMU's command line trips over.
  home = await mkdtemp(join(tmpdir(), "q,n ü"));
});

afterAll(async () => {
  await rm(home, { recursive: true });
});

type Running = AsyncDisposable & {
  readonly spec: VmSpec;
  readonly ports: BootPorts;
  readonly client: QmpClient;
  ended(): Promise<unknown>;
};

/** Starts QEMU on a furnished VM, which `amend` may amend; `more` is added to its command line. */
async function start(
  facts: HostFacts,
  changes: Partial<VmConfig>,
  more: readonly string[],
  amend: (spec: VmSpec) => Promise<VmSpec> = (spec) => Promise.resolve(spec),
): Promise<Running> {
  const furnished = await furnishedVm(home, facts, changes);
  const { ports } = furnished;
  const spec = await amend(furnished.spec);
  const child = Bun.spawn([...qemuArgs(spec, ports), ...more], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const said = Promise.all([child.stdout.text(), child.stderr.text()]);
  const gone = new AbortController();
  void child.exited.then(() => gone.abort());
  const ended = async (): Promise<unknown> => {
    const [stdout, stderr] = await said;
    return { exitCode: await child.exited, stdout, stderr };
  };
  try {
    const client = await awaitQmp(spec.qmpSocket, { signal: gone.signal });
    return {
      spec,
      ports,
      client,
      ended,
      async [Symbol.asyncDispose]() {
        child.kill("SIGKILL");
        await child.exited;
      },
    };
  } catch (error) {
    child.kill("SIGKILL");
    throw new Error(JSON.stringify(await ended()), { cause: error });
  }
}

/** The types of the devices that the command line names without an id. */
async function devicesOf(client: QmpClient): Promise<readonly string[]> {
  const found = (await client.execute("qom-list", { path: "/machine/peripheral-anon" })) as { type: string }[];
  return found.flatMap(({ type }) => /^child<(.+)>$/.exec(type)?.[1] ?? []).toSorted();
}

/** Waits until a file in a watched folder has a text that matches. */
async function grows(file: string, pattern: RegExp): Promise<void> {
  using folder = watchFolder(dirname(file));
  while (!pattern.test(await readFile(file, "utf8"))) await folder.changed();
}

/** As much of a kernel as QEMU looks at when it loads one (Linux' Documentation/arch/x86/boot.rst), and an initramfs. */
async function emptyKernel(): Promise<NonNullable<VmSpec["kernel"]>> {
  const head = Buffer.alloc(64 * 1024);
  head.writeUInt8(4, 0x1f1);
  head.write("HdrS", 0x202);
  head.writeUInt16LE(0x20c, 0x206);
  head.writeUInt8(1, 0x211);
  head.writeUInt32LE(0x7fffffff, 0x22c);
  const [kernel, initrd] = [join(home, "kernel, 1"), join(home, "initrd, 1")];
  await writeFile(kernel, head);
  await writeFile(initrd, "initramfs");
  return { kernel, initrd, commandLine: "root=UUID=1 a=b,c" };
}

/** How long firmware may take under emulation on a busy machine; alone it takes three seconds. */
const firmwareDeadlineMs = 60_000;

const cleanEnd = { exitCode: 0, stdout: "", stderr: "" };

for (const arch of arches) {
  const installed = findProgram(guestPlatforms[arch].binary) !== undefined;

  describe.skipIf(!installed)(`${arch} guests`, () => {
    let facts: HostFacts;

    beforeAll(async () => {
      facts = await probeHost(arch, { env: process.env, cacheFolder: join(home, "_cache") });
    });

    test(`the plain ${arch} command line starts QEMU, which waits, answers and quits`, async () => {
      await using vm = await start(facts, {}, ["-S"]);
      const { client, ports } = vm;
      expect(await queryStatus(client)).toEqual({ running: false, status: "prelaunch" });
      expect(await queryVersion(client)).toBe(facts.qemu.version);
      expect((await userNetForwards(client)).map(({ hostPort, guestPort }) => ({ hostPort, guestPort }))).toEqual([
        { hostPort: ports.gate, guestPort: 1021 },
        { hostPort: ports.ssh, guestPort: 1022 },
      ]);
      await quit(client);
      expect(await vm.ended()).toEqual(cleanEnd);
    });

    test(`the ${arch} command line with everything on starts QEMU`, async () => {
      // The sound and window systems of a desktop are not here; their devices are, on systems that lead nowhere.
      const media = { audio: ["none"], display: ["none"], cpus: 12, memoryMiB: 16_384 };
      const names = ["plain", "with, comma", "ünïcode 日本", "a=b,,c"];
      const mounts = names.map((name, index) => ({ path: folderIn(home, name), readOnly: index === 1 }));
      await using vm = await start({ ...facts, ...media }, { cpus: 12, sound: true, window: true, mounts }, ["-S"]);
      expect(await queryStatus(vm.client)).toEqual({ running: false, status: "prelaunch" });
      const named = [
        "hda-output ich9-intel-hda virtio-balloon-pci virtio-blk-pci virtio-blk-pci virtio-keyboard-pci",
        "virtio-net-pci virtio-rng-pci virtio-serial-pci virtio-tablet-pci",
        ...names.map(() => "virtio-9p-pci"),
        ...lanePorts.map(() => "virtserialport"),
        guestPlatforms[arch].gpu,
      ];
      expect(await devicesOf(vm.client)).toEqual(named.join(" ").split(" ").toSorted());
      await quit(vm.client);
      expect(await vm.ended()).toEqual(cleanEnd);
    });

    test(`as many shares as a plan allows fit beside every other device of ${arch}`, async () => {
      const folders = Array.from({ length: 16 }, (_, index) => ({ path: folderIn(home, `${index}`), readOnly: false }));
      // One of them is /tmp, which takes two devices.
      const mounts = folders.map((share, index) => (index === 0 ? { ...share, again: { tag: "qn16" } } : share));
      const media = { audio: ["none"], display: ["none"] };
      await using vm = await start({ ...facts, ...media }, { sound: true, window: true, mounts }, ["-S"]);
      await quit(vm.client);
      expect(await vm.ended()).toEqual(cleanEnd);
    });

    test(`a data disk that lies on layers of snapshots is opened for ${arch}, and grows while it is`, async () => {
      await using vm = await start(facts, {}, ["-S"], async (spec) => {
        const named = new Set<string>();
        for (let made = 0; made < 2; made += 1) {
          named.add((await freeze(spec.dataDisk)) ?? "");
          await settleDisk(spec.dataDisk, named);
        }
        return { ...spec, dataDisk: (await liveDisk(spec.dataDisk)).path };
      });
      await vm.client.execute("block_resize", { "node-name": "data", size: 2 ** 31 });
      const nodes = await vm.client.execute("query-named-block-nodes", { flat: true });
      expect(nodes).toContainEqual(
        expect.objectContaining({
          "node-name": "data",
          drv: vm.spec.dataDisk.endsWith(".qcow2") ? "qcow2" : "raw",
          image: expect.objectContaining({ "virtual-size": 2 ** 31 }),
        }),
      );
      await quit(vm.client);
      expect(await vm.ended()).toEqual(cleanEnd);
      await removeDisk(vm.spec.dataDisk.replace(/\.layers\/live\.qcow2$/, ".raw"));
    });

    test(`firmware in qcow2, as Fedora ships it, fits into the flash of ${arch}`, async () => {
      const { code, vars } = facts.firmware;
      const qcow2 = async (from: string, name: string): Promise<string> => {
        const to = join(home, `${arch}-${name}.qcow2`);
        await run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", from, to]);
        return to;
      };
      const firmware: Firmware = {
        code: await qcow2(code, "code"),
        codeFormat: "qcow2",
        vars: { template: await qcow2(vars?.template ?? "", "vars"), format: "qcow2" },
      };
      await using vm = await start({ ...facts, firmware }, {}, ["-S"]);
      await quit(vm.client);
      expect(await vm.ended()).toEqual(cleanEnd);
    });

    test(`a kernel of the image's own starts on ${arch}, wherever its files are`, async () => {
      await using vm = await start(facts, {}, ["-S"], async (spec) => ({ ...spec, kernel: await emptyKernel() }));
      expect(await queryStatus(vm.client)).toEqual({ running: false, status: "prelaunch" });
      await quit(vm.client);
      expect(await vm.ended()).toEqual(cleanEnd);
    });

    test(`a second conversation with QEMU for ${arch} waits for the first to end`, async () => {
      await using vm = await start(facts, {}, ["-S"]);
      const { qmpSocket } = vm.spec;
      await expect(connectQmp(qmpSocket, { deadlineMs: 100 })).rejects.toThrow("gives no greeting for 100 ms");
      await vm.client[Symbol.asyncDispose]();
      await using second = await connectQmp(qmpSocket);
      await quit(second);
      expect(await vm.ended()).toEqual(cleanEnd);
    });

    test(
      `what the firmware of ${arch} says is kept, also by who comes after another`,
      async () => {
        await using vm = await start(facts, {}, []);
        const { client, spec } = vm;
        // An empty disk cannot be booted, so the firmware says where it has looked.
        const isUp = /BdsDxe|UEFI Interactive Shell/;
        for (const log of [join(home, `${arch}-1.log`), join(home, `${arch}-2.log`)]) {
          const console = await keepConsole(spec.serialSocket, log);
          await grows(log, isUp);
          console.close();
          await client.execute("system_reset");
        }
        await quit(client);
        expect(await vm.ended()).toEqual(cleanEnd);
      },
      firmwareDeadlineMs,
    );
  });
}
