/** The kernel's own word that tasks wait: on a machine whose kernel gives it. */
import { expect, test } from "bun:test";
import { readdir, readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { watchPressure } from "../../../../src/system/kernel/pressure.ts";

/** Linux, with pressure stall information for this user and io_uring. */
function isTold(): boolean {
  try {
    watchPressure("cpu", { stallMs: 1_000, windowMs: 2_000 }, () => {}).close();
    return true;
  } catch {
    return false;
  }
}

test.skipIf(!isTold())("tasks that wait for a processor are told of, more than once", async () => {
  const busy = Array.from({ length: 2 * availableParallelism() }, () => Bun.spawn(["sh", "-c", "while :; do :; done"]));
  try {
    let told = 0;
    const { promise, resolve } = Promise.withResolvers<void>();
    const watch = watchPressure("cpu", { stallMs: 1, windowMs: 2_000 }, () => {
      told += 1;
      if (told === 2) resolve();
    });
    await promise;
    watch.close();
    expect(told).toBe(2);
  } finally {
    for (const each of busy) each.kill("SIGKILL");
  }
});

test.skipIf(!isTold())("whoever stops to listen keeps nothing open, and nothing mapped", async () => {
  const held = async (): Promise<number> => {
    const [files, maps] = await Promise.all([readdir("/proc/self/fd"), readFile("/proc/self/maps", "utf8")]);
    return files.length + maps.split("\n").filter((line) => line.includes("io_uring")).length;
  };
  const before = await held();
  for (let round = 0; round < 50; round += 1) {
    watchPressure("cpu", { stallMs: 1_000, windowMs: 2_000 }, () => {}).close();
  }
  expect(await held()).toBeLessThan(before + 50);
});
