/** 100 rounds of up and down on a stand-in for QEMU: no file, no process and no descriptor of who calls them stays behind. */
import { expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { takeDown } from "../../src/host/lifecycle/down.ts";
import { fakeVm, processesWith } from "../support/fake-vm.ts";

const rounds = 100;

/** Descriptors of this process, which plays `qn up` and `qn down` in every round. */
async function descriptors(): Promise<number> {
  return (await readdir("/proc/self/fd")).length;
}

test(`${rounds} rounds of up and down leave nothing behind`, async () => {
  await using vm = await fakeVm("boots");
  const round = async (): Promise<void> => {
    expect(await vm.up()).toBe("started");
    expect(await takeDown(vm.paths, { force: false })).toBe("stopped");
  };
  await round();
  const [files, open] = [await vm.files(), await descriptors()];
  for (let index = 1; index < rounds; index += 1) await round();
  expect([await vm.files(), await processesWith(vm.layout.home)]).toEqual([files, []]);
  expect(await descriptors()).toBeLessThanOrEqual(open + 2);
}, 1_200_000);
