/** A VM that is paused while its containers run: what it takes then, and how soon it goes on for whoever comes. */
import { expect } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { median } from "../bench/figures.ts";
import { countOf, startCounting } from "../support/counting.ts";
import { ticksOf } from "../support/process-resources.ts";
import { until } from "../support/until.ts";
import { bootVm, testWithVm, type Vm } from "../support/vm.ts";

const rounds = 10;
const limitMs = (rounds + 8) * 60_000;

const test = testWithVm(() => bootVm({ env: { QN_IDLE_PAUSE: "5s" } }));

async function paused(vm: Vm): Promise<void> {
  await until("a VM that is paused", 120_000, async () => ((await vm.status()).state === "paused" ? true : undefined));
}

async function msOf(work: () => Promise<unknown>): Promise<number> {
  const atMs = performance.now();
  await work();
  return Math.round(performance.now() - atMs);
}

test(
  `a VM that is paused takes no processor time, and goes on for docker ${rounds} times, for a port, for ssh and to be suspended`,
  async (vm) => {
    await startCounting(vm, "counting", "--volume", `${vm.inTmp}:/shared`);
    const page = "echo hello > /index.html; exec httpd -f -h / -p 80";
    await vm.docker("run", "--detach", "--name", "page", "--publish", "80", "busybox", "sh", "-c", page);
    const port = /:(\d+)$/m.exec(await vm.docker("port", "page", "80"))?.[1] ?? "";
    const starts = ["inspect", "--format", "{{.State.StartedAt}} {{.RestartCount}}"];
    const started = await vm.docker(...starts, "counting", "page");
    const pageStarted = await vm.docker(...starts, "page");
    const count = await countOf(vm, "counting");
    await paused(vm);
    const { qemu, supervisor } = await vm.status();
    const before = await Promise.all([ticksOf(qemu.pid), ticksOf(supervisor.pid)]);
    await Bun.sleep(20_000);
    const after = await Promise.all([ticksOf(qemu.pid), ticksOf(supervisor.pid)]);
    const ticks = after.map((each, index) => each - (before[index] ?? 0));
    // Its clock stood still for as long, and is right for the first who comes.
    const hostMs = Date.now();
    const guestMs = Number(await vm.qn("ssh", "--", "date", "+%s%3N"));
    const offMs = Math.max(hostMs - guestMs, guestMs - Date.now(), 0);
    await paused(vm);
    const pageMs = await msOf(async () =>
      expect(await (await fetch(`http://127.0.0.1:${port}`)).text()).toBe("hello\n"),
    );
    const took: number[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      await paused(vm);
      took.push(await msOf(() => vm.docker("version")));
    }
    const figures = { ticks, offMs, pageMs, took, median: median(took) };
    console.log(`paused: ${JSON.stringify(figures)}; ticks of QEMU and supervisor in 20 s, the rest in ms`);
    await paused(vm);
    await writeFile(join(vm.inTmp, "news"), "from the host");
    expect(await vm.docker("exec", "counting", "cat", "/shared/news")).toBe("from the host");
    expect(await countOf(vm, "counting")).toBeGreaterThan(count);
    expect(await vm.docker(...starts, "counting", "page")).toBe(started);
    await paused(vm);
    await vm.qn("down", "--suspend");
    expect((await vm.status()).state).toBe("suspended");
    await vm.qn("up");
    // What mounts a folder is stopped for that, and starts again; the other goes on.
    expect(await vm.docker(...starts, "page")).toBe(pageStarted);
    expect(await (await fetch(`http://127.0.0.1:${port}`)).text()).toBe("hello\n");
    expect(
      await until("the mount", 60_000, () =>
        vm.docker("exec", "counting", "cat", "/shared/news").catch(() => undefined),
      ),
    ).toBe("from the host");
    expect(ticks.every((each) => each <= 2)).toBe(true);
    expect(offMs).toBeLessThan(1_000);
  },
  limitMs,
);
