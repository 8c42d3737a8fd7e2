/** A VM that is suspended and resumed again and again: nothing of what runs in it is lost, and nothing stays behind. */
import { expect } from "bun:test";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { quantile } from "../bench/figures.ts";
import { programArchive } from "../support/copied-program.ts";
import {
  countOf,
  expectMounts,
  startChecking,
  startCounting,
  startMounting,
  startTalking,
  startWriting,
  writtenOf,
} from "../support/counting.ts";
import { held } from "../support/process-resources.ts";
import { kill9 } from "../support/processes.ts";
import { residentMiB } from "../support/resident.ts";
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

/** All that counts steps, each in another way: memory of its own, a connection, a database. */
async function startAll(vm: Vm): Promise<readonly string[]> {
  await vm.docker(
    "import",
    "--change",
    "ENV PATH=/bin",
    await programArchive(join(vm.inTmp, "sqlite"), "sqlite3"),
    "sqlite",
  );
  await startCounting(vm, "counting");
  await startChecking(vm, "checking");
  await startTalking(vm, "talking");
  await startWriting(vm, "writing", "sqlite");
  return ["counting", "checking", "talking", "talking-server", "writing"];
}

/** What could add up with each round: files of this machine's, of the supervisor, of the agent, and their memory. */
async function leavings(vm: Vm) {
  const [supervisor, agent] = await held(vm);
  const { qemu } = await vm.status();
  // A state that was taken goes a moment later.
  const isOther = (name: string): boolean => !name.startsWith("_images") && !name.startsWith("default/suspended");
  const files = (await readdir(vm.home, { recursive: true })).filter(isOther).toSorted();
  const ofQemu = {
    files: (await readdir(`/proc/${qemu.pid}/fd`)).length,
    residentMiB: await residentMiB(qemu.pid ?? 0),
  };
  return { files, connections: await gateConnections(vm), supervisor, agent, qemu: ofQemu };
}

/** Says what the rounds have taken so far. */
function tellTimes(took: readonly { readonly downMs: number; readonly upMs: number }[]): void {
  for (const key of ["downMs", "upMs"] as const) {
    const all = took.map((each) => each[key]);
    const told = [0.5, 0.99, 1].map((share) => quantile(all, share)).join(", ");
    console.log(`${key}: ${told} (p50, p99, most) of ${took.length}`);
  }
}

test(
  `what runs in containers goes on through ${rounds} suspends without losing a step, and nothing is left behind`,
  async (vm) => {
    const names = await startAll(vm);
    const starts = ["inspect", "--format", "{{.Name}} {{.State.StartedAt}} {{.RestartCount}}", ...names];
    const started = await vm.docker(...starts);
    let count = await countOf(vm, "counting");
    let early: Awaited<ReturnType<typeof leavings>> | undefined;
    const took: { downMs: number; upMs: number }[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      const downAtMs = performance.now();
      await vm.qn("down", "--suspend");
      const upAtMs = performance.now();
      await vm.qn("up");
      took.push({ downMs: Math.round(upAtMs - downAtMs), upMs: Math.round(performance.now() - upAtMs) });
      const now = await countOf(vm, "counting");
      expect(now).toBeGreaterThan(count);
      count = now;
      if (round === Math.min(10, rounds)) early = await leavings(vm);
      if (round % 20 === 0 || round === rounds) tellTimes(took);
    }
    const late = await leavings(vm);
    console.log(`after ten and at the end: ${JSON.stringify([early, late])}`);
    for (const name of ["checking", "talking", "writing"]) expect(await countOf(vm, name)).toBeGreaterThan(rounds / 2);
    expect(await writtenOf(vm, "writing")).toBe("ok\n1");
    expect(await vm.docker(...starts)).toBe(started);
    expect(late.files).toEqual(early?.files ?? []);
    await until("a state that is gone", 60_000, async () =>
      (await readdir(vm.folder)).some((name) => name.startsWith("suspend")) ? undefined : true,
    );
    for (const who of ["supervisor", "agent", "qemu"] as const) {
      expect(late[who]?.files).toBeLessThanOrEqual((early?.[who]?.files ?? 0) + 8);
    }
    expect(late.agent?.residentMiB).toBeLessThan((early?.agent?.residentMiB ?? 0) + 16);
    expect(late.connections).toBeLessThanOrEqual((early?.connections ?? 0) + 8);
    // Nothing of a suspend says that it went on without being asked for.
    expect(await readFile(vm.folder + "/supervisor.log", "utf8")).not.toContain("cannot be resumed");
    await vm.docker("rm", "--force", ...names.filter((name) => name !== "counting"));
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
