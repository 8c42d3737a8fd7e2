/** Containers of a VM that is suspended: one counts in its own memory, which tells whether it lives on and has lost a step. */
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

/** Starts one that holds a mount of this machine's at /mnt, and does nothing. */
export async function startMounting(vm: Vm, name: string): Promise<void> {
  const mount = ["--volume", `${vm.inTmp}:/mnt`];
  await vm.docker("run", "--detach", "--init", "--name", name, ...mount, "busybox", "sleep", "1000000");
}
