/** What a crash leaves behind: numbers of processes that are somebody else's by now, and sockets where nobody listens. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { readFile, rm, writeFile } from "node:fs/promises";
import { takeDown } from "../../../../src/host/lifecycle/down.ts";
import { statusOfVm } from "../../../../src/host/lifecycle/status.ts";
import { listen } from "../../../../src/system/net/connection.ts";
import { type FakeVm, fakeVm, programsMs, stateOf } from "../../../support/fake-vm.ts";
import { isAlive } from "../../../support/processes.ts";
import { until } from "../../../support/until.ts";

setDefaultTimeout(programsMs);

/** Kills supervisor and QEMU at once, and gives QEMU's number in the record to `pid`. */
async function crash(vm: FakeVm, pid: number): Promise<void> {
  const { qemu, supervisor } = await statusOfVm(vm.paths, vm.env);
  for (const each of [supervisor.pid, qemu.pid]) process.kill(each ?? 0, "SIGKILL");
  await until("the end of both", 10_000, async () =>
    (await isAlive(supervisor.pid)) || (await isAlive(qemu.pid)) ? undefined : true,
  );
  const record: unknown = JSON.parse(await readFile(vm.paths.bootFile, "utf8"));
  await writeFile(vm.paths.bootFile, JSON.stringify(Object.assign({}, record, { qemuPid: pid })));
}

test("a foreign process that has QEMU's old number is left alone by up and down", async () => {
  await using vm = await fakeVm("boots");
  const foreign = Bun.spawn(["sleep", "600"], { stdio: ["ignore", "ignore", "ignore"] });
  try {
    await vm.up();
    await crash(vm, foreign.pid);
    expect(await takeDown(vm.paths, { force: true })).toBe("already-stopped");
    await vm.up();
    await crash(vm, foreign.pid);
    expect(await vm.up()).toBe("started");
    expect([await isAlive(foreign.pid), await stateOf(vm)]).toEqual([true, { state: "running", reason: null }]);
  } finally {
    foreign.kill();
  }
});

test("sockets where somebody else listens by now are taken back", async () => {
  await using vm = await fakeVm("boots");
  await vm.up();
  await crash(vm, 1);
  await rm(vm.paths.dockerSocket, { force: true });
  const stranger = listen({ unix: vm.paths.dockerSocket }, (connection) => connection.reset());
  try {
    expect(await vm.up()).toBe("started");
    expect((await statusOfVm(vm.paths, vm.env)).docker.reachable).toBe(true);
  } finally {
    stranger.close();
  }
});
