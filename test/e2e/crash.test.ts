/** What is left when something is killed or called off, and how the next `qn up` goes on from there. */
import { expect, test } from "bun:test";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { page } from "../support/busybox.ts";
import { countOf, expectMounts, startCounting, startMounting } from "../support/counting.ts";
import { expectNothingLeft, interruptUpAt } from "../support/interrupted-up.ts";
import { isAlive, kill9, processesLeft, processesNaming } from "../support/processes.ts";
import { freePort, knock, until } from "../support/until.ts";
import { bootArgs, giveBusybox, testWithVm, unbornVm, type Vm } from "../support/vm.ts";

const vmTest = testWithVm(async () => {
  const vm = await unbornVm();
  await bootTwiceAtOnce(vm);
  await giveBusybox(vm);
  return vm;
});

/** Boots it with two `qn up` of the same moment. Throws with what one that fails has said. */
async function bootTwiceAtOnce(vm: Vm): Promise<void> {
  await Promise.all([vm.qn("up", ...bootArgs), vm.qn("up", ...bootArgs)]);
}

/** Runs a web server that publishes a free port, and gives the port once it answers. */
async function serve(vm: Vm, name: string): Promise<number> {
  const port = await freePort();
  const server = ["httpd", "-f", "-p", "80", "-h", "/www"];
  await vm.docker("run", "--detach", "--init", "--name", name, "--publish", `${port}:80`, "busybox", ...server);
  await until(`port ${port}`, 20_000, async () => ((await knock("127.0.0.1", port)) === "open" ? true : undefined));
  return port;
}

async function fetched(port: number): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(30_000) });
  return response.text();
}

/** What somebody meets who fetches a page again and again, each time on a connection of its own, until `signal` fires. */
async function keepFetching(port: number, signal: AbortSignal): Promise<{ atMs: number; outcome: string }[]> {
  const met: { atMs: number; outcome: string }[] = [];
  while (!signal.aborted) {
    const atMs = performance.now();
    const ask = async () => (await fetch(`http://127.0.0.1:${port}/`, { keepalive: false })).text();
    const outcome = await ask().catch((error: unknown) => (error as { code?: string }).code ?? String(error));
    met.push({ atMs, outcome });
  }
  return met;
}

function asRoot(vm: Vm, command: string): string[] {
  return ["ssh", "-F", join(vm.folder, "ssh_config"), "root@qn-default", command];
}

const startOf = (vm: Vm, name: string): Promise<string> =>
  vm.docker("inspect", "--format", "{{.State.StartedAt}} {{.State.Running}}", name);

vmTest("two up of the same moment both succeed, and there is one VM", async (vm) => {
  const { state, qemu, supervisor } = await vm.status();
  expect(state).toBe("running");
  const all = await processesNaming(vm.home);
  expect(all.filter((command) => command.includes("qemu-system"))).toHaveLength(1);
  expect(all.filter((command) => command.includes(" supervise "))).toHaveLength(1);
  expect([await isAlive(qemu.pid), await isAlive(supervisor.pid)]).toEqual([true, true]);
});

vmTest("an agent that is killed comes back by itself, and nobody who comes to its ports is refused", async (vm) => {
  const port = await serve(vm, "beside-agent");
  const pidOf = (): Promise<string> => vm.qn("ssh", "--", "systemctl", "show", "--property=MainPID", "qn-agent");
  const before = await pidOf();
  const over = new AbortController();
  const fetching = keepFetching(port, over.signal);
  let backMs = Number.NaN;
  try {
    await vm.succeed(asRoot(vm, "systemctl kill --signal=KILL qn-agent"));
    await until("another agent", 60_000, async () => {
      const pid = await pidOf();
      return pid === before || pid.endsWith("=0") ? undefined : pid;
    });
    backMs = performance.now();
    await until("the page", 60_000, () => fetched(port).catch(() => undefined));
  } finally {
    over.abort();
  }
  const met = await fetching;
  // What was under way is cut off.
  expect(met.filter(({ outcome }) => outcome !== page && outcome !== "ECONNRESET")).toEqual([]);
  expect(met.filter(({ atMs, outcome }) => atMs > backMs && outcome !== page)).toEqual([]);
  await until("running", 20_000, async () => ((await vm.status()).state === "running" ? true : undefined));
  expect(await vm.docker("run", "--rm", "--volume", `${vm.inTmp}:/mnt`, "busybox", "ls", "/mnt")).toContain("busybox");
  await vm.docker("rm", "--force", "beside-agent");
});

vmTest("a QEMU that is killed is reported within 2 s, and the next up works without help", async (vm) => {
  const { qemu } = await vm.status();
  await vm.docker("volume", "create", "kept");
  // Killing QEMU is a power cut: what the guest has not written yet is lost, as on any machine.
  await vm.succeed(asRoot(vm, "sync"));
  await kill9(qemu.pid);
  const killedMs = Date.now();
  const status = await until("failed", 60_000, async () => {
    const now = await vm.status();
    return now.state === "failed" ? now : undefined;
  });
  // The supervisor says when: each look at it starts a program, which takes a busy machine a while.
  const failed = (await readFile(join(vm.folder, "supervisor.log"), "utf8"))
    .split("\n")
    .findLast((line) => line.includes("-> failed"));
  expect(Date.parse(failed?.split(" ")[0] ?? "") - killedMs).toBeLessThan(2000);
  expect(status.reason).toBe("QEMU was ended by SIGKILL while the VM was needed.");
  expect((await vm.fail(["qn", "status"])).exitCode).toBe(3);
  expect(await processesLeft(vm.home)).toEqual([]);
  await vm.qn("up");
  expect(await vm.status()).toMatchObject({ state: "running", reason: null });
  expect(await vm.docker("volume", "ls", "--quiet")).toBe("kept");
});

vmTest("a supervisor that is killed leaves QEMU alone, and the next up takes it over", async (vm) => {
  const port = await serve(vm, "survivor");
  const started = await startOf(vm, "survivor");
  const before = await vm.status();
  await kill9(before.supervisor.pid);

  const degraded = await vm.status();
  expect(degraded).toMatchObject({ state: "degraded", supervisor: { pid: null }, docker: { reachable: false } });
  expect(degraded.reason).toContain("supervisor");
  expect(await isAlive(before.qemu.pid)).toBe(true);
  expect(await knock("127.0.0.1", port)).toBe("ECONNREFUSED");

  // What the guest says while nobody bounds its log takes no space of this machine.
  const log = join(vm.folder, "serial.log");
  const { size } = await stat(log);
  await vm.succeed(asRoot(vm, "head -c 300000 /dev/zero | tr '\\0' x > /dev/console"));
  expect((await stat(log)).size).toBe(size);

  await vm.qn("up");
  expect(await vm.status()).toMatchObject({ state: "running", docker: { reachable: true } });
  expect(await isAlive(before.qemu.pid)).toBe(true);
  expect(await startOf(vm, "survivor")).toBe(started);
  expect(await until("the page", 20_000, () => fetched(port).catch(() => undefined))).toBe(page);
  // QEMU and its supervisor, beside those who serve mounts.
  const running = (await processesNaming(vm.home)).filter((command) => !command.includes(" virtiofs --folder="));
  expect(running).toHaveLength(2);
  await vm.succeed(asRoot(vm, "echo heard again > /dev/console"));
  await until("the console", 20_000, async () => (await readFile(log, "utf8")).includes("heard again") || undefined);
  await vm.docker("rm", "--force", "survivor");
});

vmTest("what runs in a VM that is suspended goes on where it was, and what holds a mount starts again", async (vm) => {
  const port = await serve(vm, "page");
  await startCounting(vm, "counting");
  await startMounting(vm, "mounting");
  const before = await Promise.all(["page", "counting"].map((name) => startOf(vm, name)));
  const count = await countOf(vm, "counting");

  await using down = vm.converse(["qn", "down", "--suspend"], { errors: "only" });
  expect(await down.nextLine(120_000)).toContain("to start again with qn up: mounting.");
  expect(await down.end()).toBe(0);
  expect(await processesLeft(vm.home)).toEqual([]);
  expect(await vm.status()).toMatchObject({ state: "suspended", docker: { reachable: false } });
  expect(await knock("127.0.0.1", port)).toBe("ECONNREFUSED");
  expect((await stat(join(vm.folder, "suspended.state"))).mode & 0o777).toBe(0o600);

  await vm.qn("up");
  expect(await Promise.all(["page", "counting"].map((name) => startOf(vm, name)))).toEqual(before);
  expect(await countOf(vm, "counting")).toBeGreaterThan(count);
  expect(await until("the page", 20_000, () => fetched(port).catch(() => undefined))).toBe(page);
  await expectMounts(vm, "mounting");
  expect(await readdir(vm.folder)).not.toContain("suspended.state");
  await vm.docker("rm", "--force", "page", "counting", "mounting");
});

vmTest("a QEMU whose supervisor is killed is shut down cleanly by down", async (vm) => {
  await kill9((await vm.status()).supervisor.pid);
  await vm.qn("down");
  expect(await processesLeft(vm.home)).toEqual([]);
  expect(await vm.status()).toMatchObject({ state: "stopped", reason: null });
});

/** What `qn up` says when a phase begins. The next one comes after half a boot: test/long/life.test.ts. */
const phases = {
  "while it prepares disks": "preparing disks",
  "as soon as the guest boots": "booting the guest",
};

for (const [when, words] of Object.entries(phases)) {
  test(`the first up that is interrupted ${when} leaves nothing behind`, () => interruptUpAt(words), 300_000);
}

test("the first up that is interrupted before it has said anything leaves nothing behind", async () => {
  const vm = await unbornVm();
  try {
    for (const afterMs of [5, 50, 150, 300]) {
      await using up = vm.converse(["qn", "up", ...bootArgs], { errors: "only" });
      await Bun.sleep(afterMs);
      up.kill("SIGINT");
      expect(await up.end()).toBe(130);
      await expectNothingLeft(vm);
    }
  } finally {
    await vm[Symbol.asyncDispose]();
  }
}, 60_000);
