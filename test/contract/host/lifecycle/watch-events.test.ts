/** `qn events` through the life of a VM on a fake QEMU. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { watchEvents } from "../../../../src/host/lifecycle/watch-events.ts";
import { takeDown } from "../../../../src/host/lifecycle/down.ts";
import { statusOfVm } from "../../../../src/host/lifecycle/status.ts";
import type { ControlEvent } from "../../../../src/host/supervisor/messages.ts";
import { failureOf } from "../../../support/failures.ts";
import { fakeVm, programsMs } from "../../../support/fake-vm.ts";

setDefaultTimeout(programsMs);

function words(event: ControlEvent): string {
  if (event.event === "state") return `state ${event.state}`;
  return event.event === "failed" ? `failed ${event.error.code}` : event.event;
}

test("a VM tells its state, its ports and its end", async () => {
  await using vm = await fakeVm("boots");
  await vm.up();
  const told: string[] = [];
  const first = Promise.withResolvers<void>();
  const end = watchEvents(vm.paths, "events", new AbortController().signal, (event) => {
    told.push(words(event));
    if (event.event === "ports") first.resolve();
  });
  await first.promise;
  await takeDown(vm.paths, { force: false });
  await end;
  expect(told).toEqual(["state running", "ports", "state stopping", "state stopped", "stopped"]);
});

test("a VM whose QEMU is killed tells the failure, and that is the end", async () => {
  await using vm = await fakeVm("boots");
  await vm.up();
  const told: string[] = [];
  const { qemu } = await statusOfVm(vm.paths, vm.env);
  await watchEvents(vm.paths, "events", new AbortController().signal, (event) => {
    told.push(words(event));
    if (event.event === "ports") process.kill(qemu.pid ?? 0, "SIGKILL");
  });
  expect(told.slice(-2)).toEqual(["state failed", "failed QEMU_EXITED"]);
});

test("there are no events of a VM that does not run", async () => {
  await using vm = await fakeVm("boots");
  const events = () => watchEvents(vm.paths, "events", new AbortController().signal, () => {});
  expect((await failureOf(events)).code).toBe("NO_SUCH_VM");
  await vm.up();
  await takeDown(vm.paths, { force: false });
  expect((await failureOf(events)).code).toBe("NOT_RUNNING");
});
