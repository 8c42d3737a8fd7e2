/** The times that a guest has where nobody has set others, as docs/faults.md names them; nothing is emulated. */
import { expect, test } from "bun:test";
import { takeDown } from "../../src/host/lifecycle/down.ts";
import { failureOf } from "../support/failures.ts";
import { fakeVm } from "../support/fake-vm.ts";

/** Seconds that something took, and a busy machine's share above what it should take. */
async function secondsOf<Value>(
  work: () => Promise<Value>,
): Promise<{ readonly value: Value; readonly seconds: number }> {
  const begin = performance.now();
  const value = await work();
  return { value, seconds: (performance.now() - begin) / 1000 };
}

test("a guest that ignores the power button has 90 s until it is ended", async () => {
  await using vm = await fakeVm("ignores-power");
  await vm.up();
  const { value, seconds } = await secondsOf(() => takeDown(vm.paths, { force: false }));
  expect(value).toBe("forced");
  expect(seconds).toBeGreaterThanOrEqual(90);
  expect(seconds).toBeLessThan(150);
}, 300_000);

test("an emulated guest whose Docker never comes has 10 min until it is given up", async () => {
  await using vm = await fakeVm("no-docker");
  const { value, seconds } = await secondsOf(() => failureOf(() => vm.up()));
  expect(value.code).toBe("DOCKER_UNREACHABLE");
  expect(seconds).toBeGreaterThanOrEqual(600);
  expect(seconds).toBeLessThan(700);
}, 900_000);
