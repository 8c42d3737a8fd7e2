/** A machine whose disk fills up while a VM starts or writes: the VM waits, says so, and goes on when there is space. */
import { expect, test } from "bun:test";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { qn, qnProgram, runProgram } from "../support/program.ts";
import { tempHome } from "../support/temp-home.ts";
import { until } from "../support/until.ts";
import { bootArgs, giveBusybox, unbornVm, type Vm } from "../support/vm.ts";

const paused = "The VM waits: this machine cannot write to its disks, most likely because there is no space left.";
const minuteMs = 60_000;
/** A file system of its own at `folder`, in memory; it goes away at the end of the test, whoever uses it. */
async function smallDisk(folder: string, size: string): Promise<AsyncDisposable> {
  await mkdir(folder, { recursive: true });
  await mount("-t", "tmpfs", "-o", `size=${size}`, "small", folder);
  return { [Symbol.asyncDispose]: async () => void (await runProgram(["umount", "--lazy", folder])) };
}

async function mount(...words: readonly string[]): Promise<void> {
  const { exitCode, stderr } = await runProgram(["mount", ...words]);
  expect([exitCode, stderr]).toEqual([0, ""]);
}

async function pausedStatus(vm: Vm, state: "starting" | "degraded"): Promise<string | null> {
  return await until(`a VM that waits, ${state}`, 10 * minuteMs, async () => {
    // Before the VM's folder is there, there is no status.
    const now = await vm.status().catch(() => undefined);
    return now?.state === state && now.reason !== null ? now.reason : undefined;
  });
}

test("a QN_HOME without space for the VM's files is an error that names the file, and no VM is left behind", async () => {
  await using home = await tempHome();
  for (const size of ["24k", "60k", "200k"]) {
    const full = join(home.path, size);
    await using _disk = await smallDisk(full, size);
    await runProgram(["cp", "-rs", join(home.path, "_images"), full]);
    const { exitCode, stderr } = await qn(full, ["up", "--accel", "tcg"], { env: { NO_COLOR: "1" } });
    const left = (await readdir(full)).filter((name) => name === "default");
    expect([size, exitCode, stderr.toLowerCase(), left]).toEqual([
      size,
      24,
      expect.stringMatching(/\/default\/.*no space left on device.*\[disk_failed\]/),
      [],
    ]);
  }
});

test(
  "a machine whose disk is full while the guest starts or writes lets it wait, and nothing is lost",
  async () => {
    await using vm = await unbornVm();
    // Smaller than what the guest writes when it makes the data disk's file system.
    const disks = join(vm.home, "_data");
    await using _disk = await smallDisk(disks, "120m");
    const full = `The disk of this machine that holds ${disks} is full. The VM waits, and goes on when there is space.`;
    await using starting = vm.converse(["qn", "up", "--accel", "tcg", ...bootArgs], { errors: "only" });
    let line = await starting.nextLine(10 * minuteMs);
    while (!line.includes("is full")) line = await starting.nextLine(10 * minuteMs);
    expect(line).toContain(full);
    expect(await pausedStatus(vm, "starting")).toBe(paused);
    await mount("-o", "remount,size=700m", disks);
    expect(await starting.end(15 * minuteMs)).toBe(0);
    expect((await vm.status()).state).toBe("running");

    await giveBusybox(vm);
    const write = "yes 'what is written' | head -c 600000000 > /data/file; sync; md5sum /data/file";
    await using writer = vm.converse([
      "docker",
      "run",
      "--rm",
      "--volume",
      "store:/data",
      "busybox",
      "sh",
      "-c",
      write,
    ]);
    expect(await pausedStatus(vm, "degraded")).toBe(paused);
    await mount("-o", "remount,size=3g", disks);
    const sum = (await writer.nextLine(15 * minuteMs)).split(" ")[0];
    expect(await writer.end(minuteMs)).toBe(0);
    await until("a VM that runs", minuteMs, async () => ((await vm.status()).state === "running" ? true : undefined));
    const read = await vm.docker("run", "--rm", "--volume", "store:/data", "busybox", "md5sum", "/data/file");
    expect(read.split(" ")[0]).toBe(sum ?? "");
    expect((await runProgram([qnProgram, "down"], { env: vm.env })).exitCode).toBe(0);
  },
  60 * minuteMs,
);
