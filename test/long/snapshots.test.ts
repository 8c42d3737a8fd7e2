/** A VM's way back to a snapshot, and its data's way through a file: containers, volumes and the guest's own files. */
import { expect } from "bun:test";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { type Vm, testWithVm } from "../support/vm.ts";

const vmTest = testWithVm();

/** Two boots and a dozen commands: long enough for a machine that is busy with others, too. */
const bootsMs = 1_500_000;

/** What is in the volume, the container that there is, and a file of the guest's own system. */
async function seen(vm: Vm): Promise<readonly string[]> {
  const inVolume = await vm.docker(
    "run",
    "--rm",
    "--network",
    "none",
    "-v",
    "kept:/kept",
    "busybox",
    "cat",
    "/kept/note",
  );
  const containers = await vm.docker("ps", "--all", "--format", "{{.Names}}");
  const inSystem = await vm.succeed(["qn", "ssh", "--", "cat", "/var/tmp/note"]);
  return [inVolume, containers, inSystem];
}

async function write(vm: Vm, text: string): Promise<void> {
  const script = `echo ${text} > /kept/note`;
  await vm.docker("run", "--rm", "--network", "none", "-v", "kept:/kept", "busybox", "sh", "-c", script);
  await vm.succeed(["qn", "ssh", "--", "sh", "-c", `echo ${text} > /var/tmp/note`]);
}

async function timed(vm: Vm, ...words: readonly string[]): Promise<void> {
  const begin = performance.now();
  await vm.qn(...words);
  console.log(`qn ${words.join(" ")}: ${(performance.now() - begin).toFixed(0)} ms`);
}

vmTest(
  "a VM is what it was at its snapshot: volumes, containers and the guest's own files",
  async (vm) => {
    await write(vm, "before");
    await vm.docker("create", "--name", "old", "busybox", "true");
    expect((await vm.fail(["qn", "snapshot", "create", "default", "kept"])).stderr).toContain("qn down default");
    await vm.qn("down");
    await timed(vm, "snapshot", "create", "default", "kept");
    expect(JSON.parse(await vm.qn("ls", "--json"))).toMatchObject([{ name: "default", snapshots: ["kept"] }]);
    await vm.qn("up");
    expect(await seen(vm)).toEqual(["before", "old", "before"]);
    await write(vm, "after");
    await vm.docker("rm", "old");
    await vm.docker("create", "--name", "new", "busybox", "true");
    expect(await seen(vm)).toEqual(["after", "new", "after"]);
    await vm.qn("down");
    await timed(vm, "snapshot", "restore", "kept");
    await vm.qn("up");
    expect(await seen(vm)).toEqual(["before", "old", "before"]);
    await vm.qn("down");
    await timed(vm, "snapshot", "rm", "kept");
    expect(await vm.qn("snapshot", "ls", "--json")).toBe("[]");
  },
  bootsMs,
);

vmTest(
  "a VM's volumes and containers come back from an exported file, and its system is a new one",
  async (vm) => {
    await vm.qn("up");
    await write(vm, "packed");
    await vm.docker("container", "prune", "--force");
    await vm.docker("create", "--name", "packed", "busybox", "true");
    await vm.qn("down");
    const file = join(vm.inTmp, "all.qndata");
    await timed(vm, "data", "export", file);
    console.log(`${file}: ${((await stat(file)).size / 1024 ** 2).toFixed(1)} MiB`);
    await vm.qn("delete", "--data");
    await timed(vm, "data", "import", file);
    await vm.qn("up");
    const inVolume = await vm.docker(
      "run",
      "--rm",
      "--network",
      "none",
      "-v",
      "kept:/kept",
      "busybox",
      "cat",
      "/kept/note",
    );
    expect([inVolume, await vm.docker("ps", "--all", "--format", "{{.Names}}")]).toEqual(["packed", "packed"]);
    expect((await vm.fail(["qn", "ssh", "--", "cat", "/var/tmp/note"])).stderr).toContain("No such file");
  },
  bootsMs,
);
