/** Connections that ssh shares: whoever keeps one is told to let go of a guest that is not the same any more. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { takeDown } from "../../../../src/host/lifecycle/down.ts";
import { statusOfVm } from "../../../../src/host/lifecycle/status.ts";
import { sshMasterSocket } from "../../../../src/host/layout.ts";
import { listen } from "../../../../src/system/net/connection.ts";
import { isThere } from "../../../../src/system/files.ts";
import { type FakeVm, fakeVm, isDegraded, programsMs } from "../../../support/fake-vm.ts";
import { kill9 } from "../../../support/processes.ts";
import { until } from "../../../support/until.ts";

setDefaultTimeout(programsMs);

/** Somebody at the socket of root's master who hangs up on everybody; `isGone` once the socket has gone. */
function keeper(vm: FakeVm): Disposable & { asked: number; isGone(): Promise<boolean> } {
  const socket = sshMasterSocket(vm.paths, "root") ?? "";
  const listener = listen({ unix: socket }, (connection) => {
    kept.asked += 1;
    connection.reset();
  });
  const kept = {
    asked: 0,
    isGone: () => until("the end of the socket", 20_000, async () => ((await isThere(socket)) ? undefined : true)),
    [Symbol.dispose]: () => listener.closeAll(),
  };
  return kept;
}

test("a guest that starts anew, one that is taken over, and one that goes down leave no shared connection", async () => {
  await using vm = await fakeVm("boots");
  await vm.up();
  const { qemu, supervisor } = await statusOfVm(vm.paths, vm.env);
  {
    using first = keeper(vm);
    process.kill(qemu.pid ?? 0, "SIGINT");
    await isDegraded(vm, "The guest's kernel could not go on; the guest starts anew.");
    expect([await first.isGone(), first.asked]).toEqual([true, 1]);
  }
  process.kill(qemu.pid ?? 0, "SIGINT");
  await vm.up();
  {
    using second = keeper(vm);
    await kill9(supervisor.pid);
    await vm.up();
    expect([await second.isGone(), second.asked]).toEqual([true, 1]);
  }
  using third = keeper(vm);
  await takeDown(vm.paths, { force: false });
  expect([await third.isGone(), third.asked]).toEqual([true, 1]);
});
