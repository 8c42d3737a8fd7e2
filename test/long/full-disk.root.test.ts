/** A machine whose disk fills up while a VM writes: the VM waits, says so, and goes on when there is space. */
import { expect } from "bun:test";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { runProgram } from "../support/program.ts";
import { until } from "../support/until.ts";
import { bootVm, testWithVm, type Vm } from "../support/vm.ts";

let mounted: string | undefined;

/** The data disk lies on a file system of its own, smaller than the disk may become. */
async function onSmallDisk(vm: Vm): Promise<void> {
  mounted = join(vm.home, "_data");
  await mkdir(mounted, { recursive: true });
  await mount("-t", "tmpfs", "-o", "size=200m", "data", mounted);
}

async function mount(...words: readonly string[]): Promise<void> {
  const { exitCode, stderr } = await runProgram(["mount", ...words]);
  expect([exitCode, stderr]).toEqual([0, ""]);
}

const vmTest = testWithVm(async () => {
  const vm = await bootVm({ before: onSmallDisk });
  return {
    ...vm,
    async [Symbol.asyncDispose]() {
      await vm.qn("down");
      await runProgram(["umount", "--lazy", mounted ?? ""]);
      await vm[Symbol.asyncDispose]();
    },
  };
});

vmTest("a write that finds the machine's disk full is done once there is space, and nothing is lost", async (vm) => {
  const write = "yes 'what is written' | head -c 250000000 > /data/file; sync; md5sum /data/file";
  await using writer = vm.converse(["docker", "run", "--rm", "--volume", "v:/data", "busybox", "sh", "-c", write]);
  const status = await until("a VM that waits", 200_000, async () => {
    const now = await vm.status();
    return now.state === "degraded" ? now : undefined;
  });
  expect(status.reason).toBe(
    "The VM is paused: this machine cannot write to its disks, most likely because there is no space left.",
  );
  await mount("-o", "remount,size=2g", mounted ?? "");
  const sum = (await writer.nextLine(400_000)).split(" ")[0];
  expect(await writer.end(60_000)).toBe(0);
  await until("a VM that runs", 60_000, async () => ((await vm.status()).state === "running" ? true : undefined));
  const read = await vm.docker("run", "--rm", "--volume", "v:/data", "busybox", "md5sum", "/data/file");
  expect(read.split(" ")[0]).toBe(sum ?? "");
});
