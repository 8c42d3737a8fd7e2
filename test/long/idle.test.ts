/** A VM that falls asleep when nobody uses it: what it takes then, and how soon it answers again. */
import { expect } from "bun:test";
import { readFile } from "node:fs/promises";
import { residentBytes } from "../../src/system/memory-use.ts";
import { median } from "../bench/figures.ts";
import { startCounting } from "../support/counting.ts";
import { ticksOf } from "../support/process-resources.ts";
import { until } from "../support/until.ts";
import { bootVm, testWithVm, type Vm } from "../support/vm.ts";

const rounds = Number(process.env["QN_TEST_SLEEPS"] ?? 10);

/** A round takes seconds of a quiet machine, and a minute of a busy one. */
const limitMs = (rounds + 2) * 120_000;

const test = testWithVm(() => bootVm({ env: { QN_IDLE_AFTER: "5s" } }));

async function asleep(vm: Vm): Promise<void> {
  await until("a VM that is asleep", 120_000, async () => ((await vm.status()).state === "asleep" ? true : undefined));
}

test(
  `a VM that is asleep costs next to nothing, and answers the docker command ${rounds} times`,
  async (vm) => {
    await asleep(vm);
    const { qemu, supervisor } = await vm.status();
    expect(qemu.pid).toBeNull();
    // What there is to put away takes place five seconds later, and Bun looks each second whether there is more, until
    // there was nothing for half a minute.
    await Bun.sleep(45_000);
    const before = await ticksOf(supervisor.pid);
    await Bun.sleep(20_000);
    const costs = { ticks: (await ticksOf(supervisor.pid)) - before, bytes: await residentBytes(supervisor.pid ?? 0) };
    const took: number[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      await asleep(vm);
      const atMs = performance.now();
      await vm.docker("version");
      took.push(Math.round(performance.now() - atMs));
    }
    console.log(`asleep: ${JSON.stringify(costs)}; docker version, in ms: ${JSON.stringify(took)}, ${median(took)}`);
    expect(costs.ticks).toBeLessThanOrEqual(1);
    expect(costs.bytes).toBeLessThan(45 * 1024 ** 2);
  },
  limitMs,
);

test(
  "ssh wakes it too, keeps it awake, and a container that runs does as well",
  async (vm) => {
    await asleep(vm);
    // Its connection stays for the next command, and is no use.
    expect(await vm.qn("ssh", "--", "echo", "awake")).toBe("awake");
    await asleep(vm);
    expect(await vm.succeed(["ssh", "-F", `${vm.folder}/ssh_config`, "-S", "none", "qn-default", "echo awake"])).toBe(
      "awake",
    );
    await startCounting(vm, "counting");
    const log = `${vm.folder}/supervisor.log`;
    const said = "stays awake: The container counting runs.";
    await until("a look", 60_000, async () => ((await readFile(log, "utf8")).includes(said) ? true : undefined));
    expect((await vm.status()).state).toBe("running");
    await vm.docker("rm", "--force", "counting");
    await asleep(vm);
  },
  limitMs,
);
