/** A first `qn up` that is interrupted, and what it may leave: nothing. */
import { expect } from "bun:test";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { processesLeft } from "./processes.ts";
import { bootArgs, unbornVm, type Vm } from "./vm.ts";

/** Interrupts the first `qn up` of a VM when it has said `words`, and expects its status and that nothing of it is left. */
export async function interruptUpAt(words: string): Promise<void> {
  const vm = await unbornVm();
  try {
    await using up = vm.converse(["qn", "up", ...bootArgs], { errors: "only" });
    for (let line = ""; !line.includes(words); line = await up.nextLine(200_000));
    up.kill("SIGINT");
    expect(await up.end()).toBe(130);
    await expectNothingLeft(vm);
  } finally {
    await vm[Symbol.asyncDispose]();
  }
}

/** No process, and no file but those that are there before any VM is. */
export async function expectNothingLeft(vm: Vm): Promise<void> {
  expect(await processesLeft(vm.home)).toEqual([]);
  expect((await readdir(vm.home)).filter((name) => !/^(_.*|ssh_config)$/.test(name))).toEqual([]);
  expect(await readdir(join(vm.home, "_data")).catch(() => [])).toEqual([]);
}
