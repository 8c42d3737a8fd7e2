/** Containers of a VM that is suspended: one counts in its own memory, which tells whether it lives on and has lost a step. */
import { expect } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { until } from "./until.ts";
import type { Vm } from "./vm.ts";

/** Starts it under that name; `more` are further words of `docker run`. */
export async function startCounting(vm: Vm, name: string, ...more: readonly string[]): Promise<void> {
  // A step is right when the file still has the one before it; whoever reads it finds one or the other.
  const steps = `i=0; echo 0 > /count; while [ "$(cat /count)" = "$i" ]; do i=$((i + 1)); echo $i > /next; mv /next /count; sleep 0.1; done; echo lost > /count`;
  await vm.docker("run", "--detach", "--name", name, ...more, "busybox", "sh", "-c", steps);
}

/** How far it is. Throws when it has lost a step, or does not run. */
export async function countOf(vm: Vm, name: string): Promise<number> {
  const count = await vm.docker("exec", name, "cat", "/count");
  if (!/^\d+$/.test(count)) throw new Error(`${name} has counted to "${count}"`);
  return Number(count);
}

/** Starts one that holds mounts of this machine's, of folders and of a file by itself, and does nothing. */
export async function startMounting(vm: Vm, name: string): Promise<void> {
  const here = join(vm.inHome, "here");
  await writeFile(here, "here");
  const mounts = [`${vm.inTmp}:/in-tmp`, `${vm.inHome}:/in-home`, `${here}:/file`];
  const words = mounts.flatMap((mount) => ["--volume", mount]);
  await vm.docker("run", "--detach", "--init", "--name", name, ...words, "busybox", "sleep", "1000000");
}

/** Resolves when it runs, and sees what it mounts. */
export async function expectMounts(vm: Vm, name: string): Promise<void> {
  const see = ["exec", name, "sh", "-c", "ls /in-tmp; cat /in-home/here /file"];
  const seen = await until("the mounts", 60_000, () => vm.docker(...see).catch(() => undefined));
  expect(seen).toMatch(/busybox[^]*herehere/);
}
