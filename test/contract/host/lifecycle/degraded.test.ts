/** `qn up` on a VM that runs while its Docker does not. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { statusOfVm } from "../../../../src/host/lifecycle/status.ts";
import { failureOf } from "../../../support/failures.ts";
import { type FakeVm, fakeVm, isDegraded, programsMs, stateOf } from "../../../support/fake-vm.ts";

setDefaultTimeout(programsMs);

/** A VM that runs and has lost its Docker; the result gives it back. */
async function withoutDocker(vm: FakeVm): Promise<() => void> {
  await vm.up();
  vm.told.length = 0;
  const pid = (await statusOfVm(vm.paths, vm.env)).qemu.pid ?? 0;
  process.kill(pid, "SIGUSR1");
  await isDegraded(vm, "Docker in the guest does not answer.");
  return () => void process.kill(pid, "SIGUSR2");
}

test("whoever wants a VM up whose Docker is silent is told so, and waits until it is back", async () => {
  await using vm = await fakeVm("boots");
  const giveBack = await withoutDocker(vm);
  const onEvent = (event: { readonly event: string }): void => {
    vm.told.push(event.event);
    if (event.event === "degraded") giveBack();
  };
  expect([await vm.up({ onEvent }), vm.told]).toEqual(["joined", ["degraded", "running"]]);
});

test("a Docker that stays silent is given up after the time that was asked for, and the VM is left as it is", async () => {
  await using vm = await fakeVm("boots");
  await withoutDocker(vm);
  expect(await failureOf(() => vm.up({ timeoutS: 1 }))).toEqual({
    code: "DOCKER_UNREACHABLE",
    message: "Waited 1 s in vain for a VM that runs: Docker in the guest does not answer.",
  });
  expect((await stateOf(vm)).state).toBe("degraded");
});
