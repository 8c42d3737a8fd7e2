/** VMs on the fake QEMU that stand still when nobody uses them. */
import { isLocked } from "../../src/system/kernel/lock.ts";
import type { Behaviour } from "./fake-qemu.ts";
import { type FakeVm, fakeVm, linesWith, stateOf } from "./fake-vm.ts";
import { until } from "./until.ts";

/** Settings that are quick to start with. */
export const flags = { mounts: [], cpus: 1, memoryMiB: 512, diskGiB: 2 };

/** A VM that falls asleep when nobody has used it for a second. */
export async function idleVm(behaviour: Behaviour = "boots", after = "1s"): Promise<FakeVm> {
  const vm = await fakeVm(behaviour);
  await vm.up({ flags: { ...flags, idle: { after } } });
  return vm;
}

/** Resolves when it is in this state. */
export async function becomes(vm: FakeVm, state: string): Promise<void> {
  await until(`a VM that is ${state}`, 60_000, async () => ((await stateOf(vm)).state === state ? true : undefined));
}

/** A VM that has fallen asleep. */
export async function sleepingVm(): Promise<FakeVm> {
  const vm = await idleVm();
  await becomes(vm, "asleep");
  return vm;
}

/** Resolves when it has no supervisor any more. */
export async function hasEnded({ paths }: FakeVm): Promise<void> {
  await until("its supervisor's end", 60_000, () => !isLocked(paths.lock) || undefined);
}

/** How often it has fallen asleep, and gone on. */
export async function sleeps({ paths }: FakeVm): Promise<number> {
  return (await linesWith(paths.logs.supervisor, "-> asleep")).length;
}

/** What a client of Docker's is answered that leaves at once, as the docker command does. */
export async function containers({ paths }: FakeVm): Promise<unknown> {
  const answer = await fetch("http://docker/containers/json", { unix: paths.dockerSocket, keepalive: false });
  return await answer.json();
}
