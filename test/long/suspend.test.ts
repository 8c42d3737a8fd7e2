/** A VM that is suspended and resumed again and again: nothing of what runs in it is lost, and nothing stays behind. */
import { expect } from "bun:test";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { countOf, expectMounts, startCounting, startMounting } from "../support/counting.ts";
import { kill9 } from "../support/processes.ts";
import { until } from "../support/until.ts";
import { testWithVm, type Vm } from "../support/vm.ts";

const rounds = Number(process.env["QN_TEST_SUSPENDS"] ?? 20);

/** A round takes seconds of a quiet machine, and a minute of a busy one. */
const limitMs = rounds * 180_000;

const test = testWithVm();

function asRoot(vm: Vm, command: string): string[] {
  return ["ssh", "-F", join(vm.folder, "ssh_config"), "root@qn-default", command];
}

/** How many connections the guest holds to its gate; those of before must not add up. */
async function gateConnections(vm: Vm): Promise<number> {
  return Number(await vm.succeed(asRoot(vm, "ss -Htn state established sport = :1021 | wc -l")));
}

test(
  `a container counts through ${rounds} suspends without losing a step`,
  async (vm) => {
    await startCounting(vm, "counting");
    const started = await vm.docker("inspect", "--format", "{{.State.StartedAt}}", "counting");
    let connections = 0;
    const took: { downMs: number; upMs: number }[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      const count = await countOf(vm, "counting");
      const downAtMs = performance.now();
      await vm.qn("down", "--suspend");
      const upAtMs = performance.now();
      await vm.qn("up");
      took.push({ downMs: Math.round(upAtMs - downAtMs), upMs: Math.round(performance.now() - upAtMs) });
      expect(await countOf(vm, "counting")).toBeGreaterThan(count);
      if (round === 1) connections = await gateConnections(vm);
    }
    console.log(`suspend and resume, in ms: ${JSON.stringify(took)}`);
    expect(await vm.docker("inspect", "--format", "{{.State.StartedAt}}", "counting")).toBe(started);
    expect((await readdir(vm.folder)).filter((name) => name.startsWith("suspend"))).toEqual([]);
    expect(await gateConnections(vm)).toBeLessThanOrEqual(connections + 8);
    // Nothing of a suspend says that it went on without being asked for.
    expect(await readFile(vm.folder + "/supervisor.log", "utf8")).not.toContain("cannot be resumed");
  },
  limitMs,
);

test("a program that uses a folder of this machine is named, and everything runs on", async (vm) => {
  await startMounting(vm, "mounting");
  await using session = vm.converse([
    "ssh",
    "-F",
    join(vm.folder, "ssh_config"),
    "root@qn-default",
    "cd /run/qn/tmp && echo there && exec cat",
  ]);
  expect(await session.nextLine(60_000)).toContain("there");
  const { stderr, exitCode } = await vm.fail(["qn", "down", "--suspend"]);
  expect([exitCode, stderr]).toEqual([
    57,
    expect.stringMatching(/cat \(\d+\) uses \/run\/qn\/tmp, a folder of this machine/),
  ]);
  expect((await vm.status()).state).toMatch(/running|degraded/);
  await vm.qn("up");
  await expectMounts(vm, "mounting");
  expect(await vm.docker("run", "--rm", "--volume", `${vm.inTmp}:/mnt`, "busybox", "ls", "/mnt")).toContain("busybox");
  session.kill("SIGKILL");
});

test("a QEMU that is killed while it is saved leaves a VM that starts anew with its data", async (vm) => {
  await vm.docker("volume", "create", "kept");
  await vm.succeed(asRoot(vm, "sync"));
  const { qemu } = await vm.status();
  const suspending = vm.fail(["qn", "down", "--suspend"]).catch(() => undefined);
  await until("a part", 120_000, async () =>
    (await readdir(vm.folder)).includes("suspended.state.part") ? true : undefined,
  );
  await kill9(qemu.pid);
  await suspending;
  await vm.qn("up");
  expect(await vm.docker("volume", "ls", "--quiet")).toContain("kept");
  // It was stopped so that the guest could be saved, and no policy starts it again.
  const isRunning = async (): Promise<true | undefined> =>
    (await vm.docker("inspect", "--format", "{{.State.Running}}", "mounting")) === "true" || undefined;
  expect(await until("the container that was stopped", 120_000, isRunning)).toBe(true);
  expect((await readdir(vm.folder)).filter((name) => name.startsWith("suspended"))).toEqual([]);
});
