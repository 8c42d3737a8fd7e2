/** What befalls a VM that lives long: a clock that is wrong, a QEMU that stands still, a kernel that gives up, commands that fail. */
import { expect, test } from "bun:test";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { interruptUpAt } from "../support/interrupted-up.ts";
import { kill9 } from "../support/processes.ts";
import { until } from "../support/until.ts";
import { bootArgs, giveBusybox, testWithVm, unbornVm, type Vm } from "../support/vm.ts";

const settings = `provision:
  - run: systemctl is-active docker > /root/docker-then || true
  - run: "echo gone wrong; exit 9"
  - when: once
    run: date > /root/once
`;

/** What the first `qn up` has said. */
const said: string[] = [];

async function boot(): Promise<Vm> {
  const vm = await unbornVm();
  await Bun.write(join(vm.home, "config.yaml"), settings);
  await using up = vm.converse(["qn", "up", ...bootArgs], { errors: "only" });
  for (let line = ""; !line.includes("is up after");) {
    line = await up.nextLine(600_000);
    said.push(line);
  }
  expect(await up.end()).toBe(0);
  await giveBusybox(vm);
  return vm;
}

const vmTest = testWithVm(boot);

function asRoot(vm: Vm, command: string): string[] {
  return ["ssh", "-F", join(vm.folder, "ssh_config"), "root@qn-default", command];
}

/** How far the guest's clock is from this machine's, in milliseconds, as well as an ssh can tell. */
async function offMs(vm: Vm): Promise<number> {
  const before = Date.now();
  const guest = Number(await vm.succeed(asRoot(vm, "date +%s%3N")));
  const after = Date.now();
  if (guest < before) return before - guest;
  return guest > after ? guest - after : 0;
}

async function rightClock(vm: Vm): Promise<void> {
  await until("the right time", 20_000, async () => ((await offMs(vm)) < 500 ? true : undefined));
}

vmTest(
  "commands of the settings run before Docker starts, and one that fails is told of and stops nothing",
  async (vm) => {
    expect(said.filter((line) => line.includes("of provision"))).toHaveLength(3);
    expect(said.join("\n")).toContain(
      "Command 2 of 3 of the setting provision failed with status 9. It said last: gone wrong",
    );
    expect(await vm.succeed(asRoot(vm, "cat /root/docker-then"))).not.toBe("active");
    expect(await vm.qn("logs", "--source", "agent")).toContain("provision 2: gone wrong");
  },
);

vmTest("a guest's clock that is wrong is set right by the next link, forwards and backwards", async (vm) => {
  for (const by of ["-1 hour", "+1 day"]) {
    await vm.succeed(asRoot(vm, `date -s '${by}' && systemctl kill --signal=KILL qn-agent`));
    await rightClock(vm);
  }
  const logged = await vm.qn("logs", "--source", "agent");
  for (const how of ["slow", "fast"]) expect(logged).toMatch(new RegExp(`clock was [\\d.]+ s ${how} and is set\\.`));
});

vmTest("a QEMU that stood still for a minute answers at once, and its clock is right", async (vm) => {
  const { qemu } = await vm.status();
  const timed = async (): Promise<number> => {
    const begin = performance.now();
    await vm.docker("ps");
    return performance.now() - begin;
  };
  const usualMs = await timed();
  process.kill(qemu.pid ?? 0, "SIGSTOP");
  await Bun.sleep(60_000);
  process.kill(qemu.pid ?? 0, "SIGCONT");
  expect(await timed()).toBeLessThan(2_000 + usualMs);
  const off = await until("the right time", 2_000, async () => {
    const now = await offMs(vm);
    return now < 500 ? now : undefined;
  });
  expect(off).toBeLessThan(500);
  expect((await vm.status()).state).toBe("running");
});

const anew = {
  "a guest whose kernel panics": [
    "echo c > /proc/sysrq-trigger",
    "The guest's kernel could not go on; the guest starts anew.",
  ],
  "a guest that somebody reboots": ["systemctl reboot", "The guest starts anew."],
} as const;

for (const [what, [command, reason]] of Object.entries(anew)) {
  vmTest(`${what} starts anew by itself, says so, and its containers come back`, async (vm) => {
    const bootOf = async (): Promise<string> => await vm.qn("ssh", "--", "cat", "/proc/sys/kernel/random/boot_id");
    await vm.docker("run", "--detach", "--init", "--restart", "always", "--name", "back", "busybox", "sleep", "99999");
    await vm.succeed(asRoot(vm, "sync"));
    // It leaves a connection open, whose other end will not say that it goes.
    const before = await bootOf();
    await using end = vm.converse(asRoot(vm, command), { errors: "only" });
    await until("a guest that starts anew", 120_000, async () => {
      const now = await vm.status();
      return now.state === "degraded" && now.reason === reason ? now : undefined;
    });
    end.kill("SIGKILL");
    await vm.qn("up", "--timeout", "400");
    expect((await vm.status()).state).toBe("running");
    expect(await bootOf()).not.toBe(before);
    await until("the container", 60_000, async () =>
      (await vm.docker("inspect", "--format", "{{.State.Running}}", "back")) === "true" ? true : undefined,
    );
    await vm.docker("rm", "--force", "back");
  });
}

vmTest("a container with a restart policy finds its mount below /tmp after a restart of the guest", async (vm) => {
  const folder = join(vm.inTmp, "restarts");
  await mkdir(folder);
  await vm.docker(
    "run",
    "-d",
    "--name",
    "always",
    "--restart=always",
    "-v",
    `${folder}:/x`,
    "busybox",
    "sleep",
    "1000",
  );
  await vm.qn("restart");
  await Bun.write(join(folder, "file"), "from the host");
  expect(await vm.docker("exec", "always", "cat", "/x/file")).toBe("from the host");
  await vm.docker("rm", "-f", "always");
});

vmTest("with QEMU and the supervisor both killed, the next up works without help", async (vm) => {
  const { qemu, supervisor } = await vm.status();
  await vm.docker("volume", "create", "stored");
  // As after a power cut, what the guest has not written yet is lost.
  await vm.succeed(asRoot(vm, "sync"));
  await kill9(supervisor.pid);
  await kill9(qemu.pid);
  const status = await vm.status();
  expect(status).toMatchObject({ qemu: { pid: null }, supervisor: { pid: null }, docker: { reachable: false } });
  expect(["stopped", "failed"]).toContain(status.state);
  expect((await vm.fail(["qn", "status"])).exitCode).toBe(3);
  await vm.qn("up");
  expect((await vm.status()).state).toBe("running");
  expect((await vm.docker("volume", "ls", "--quiet")).split("\n")).toContain("stored");
});

vmTest("a VM that is deleted leaves its data, which a new VM has again", async (vm) => {
  await vm.docker("run", "--rm", "--volume", "notes:/notes", "busybox", "sh", "-c", "echo kept >/notes/note");
  await vm.qn("delete", "--force");
  await vm.qn("up", ...bootArgs);
  expect(await vm.docker("run", "--rm", "--volume", "notes:/notes", "busybox", "cat", "/notes/note")).toBe("kept");
});

test(
  "the first up that is interrupted while it links to the agent leaves nothing behind",
  () => interruptUpAt("linking to the agent"),
  300_000,
);
