/** A VM that is paused and goes on by itself for what its containers do by the clock: cron, and who waits for a minute. */
import { expect } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { until } from "../support/until.ts";
import { bootVm, testWithVm, type Vm } from "../support/vm.ts";

const moments = 2;
const limitMs = 20 * 60_000;

const test = testWithVm(() => bootVm({ env: { QN_IDLE_PAUSE: "2m", QN_IDLE_WAKE: "90s" } }));

/** When the supervisor has logged this, by this machine's clock. */
async function timesOf(vm: Vm, text: string): Promise<number[]> {
  const log = await readFile(join(vm.folder, "supervisor.log"), "utf8");
  return log.split("\n").flatMap((line) => (line.includes(text) ? [Date.parse(line.split(" ")[0] ?? "")] : []));
}

async function logged(vm: Vm, text: string, times: number): Promise<number> {
  return await until(`"${text}"`, 8 * 60_000, async () => (await timesOf(vm, text))[times - 1]);
}

/** What was written down there, in milliseconds of the guest's clock. */
async function written(vm: Vm, name: string): Promise<number[]> {
  const text = await vm.docker("exec", name, "cat", "/times");
  return text.split("\n").map((line) => Number(line) * 1_000);
}

test(
  `a paused VM goes on by itself ${moments} times, in each of which cron's job of that minute runs, and is paused again once it is calm`,
  async (vm) => {
    // Debian's crond starts its jobs by bash, for a user that is in the list.
    const bash = `printf '#!/bin/sh\\nexec sh "$@"\\n' > /bin/bash; chmod +x /bin/bash; echo root:x:0:0::/:/bin/sh > /etc/passwd`;
    const table = "mkdir /tabs; echo '* * * * * date +%s >> /times' > /tabs/root";
    const cron = `${bash}; ${table}; exec crond -f -c /tabs`;
    await vm.docker("run", "--detach", "--name", "cron", "busybox", "sh", "-c", cron);
    const waits = "while :; do sleep $((60 - $(date +%s) % 60)); date +%s >> /times; done";
    await vm.docker("run", "--detach", "--name", "waits", "busybox", "sh", "-c", waits);
    await logged(vm, "running -> paused", 1);
    expect(await vm.status()).toMatchObject({
      state: "paused",
      reason: expect.stringContaining("goes on by itself in"),
    });
    await logged(vm, "running -> paused", moments + 1);
    const began = (await timesOf(vm, "paused -> running")).slice(0, moments);
    const paused = await timesOf(vm, "running -> paused");
    const ended = paused.slice(1, moments + 1);
    const tables = { cron: await written(vm, "cron"), waits: await written(vm, "waits") };
    const agent = await readFile(join(vm.folder, "agent.log"), "utf8");
    const figures = {
      tookMs: ended.map((at, index) => at - (began[index] ?? 0)),
      calm: (await timesOf(vm, "is calm")).length,
      clock: agent.split("\n").filter((line) => line.includes("clock was")),
      tables,
    };
    console.log(`moments: ${JSON.stringify(figures)}`);
    for (const [index, from] of began.entries()) {
      const to = ended[index] ?? 0;
      for (const times of Object.values(tables)) {
        expect(times.filter((at) => at >= from - 1_000 && at <= to + 1_000).length).toBeGreaterThan(0);
      }
    }
    // A clock that was still slow would have written a time at which the guest stood still.
    const stood = began.map((to, index) => ({ from: (paused[index] ?? 0) + 1_000, to: to - 1_000 }));
    const wrong = Object.values(tables)
      .flat()
      .filter((at) => stood.some(({ from, to }) => at > from && at < to));
    expect(wrong).toEqual([]);
    expect(figures.calm).toBe(moments);
  },
  limitMs,
);
