/** Docker's context through the life of a VM on a fake QEMU: whoever ends the VM gives the user's own context back. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { deleteVmFiles } from "../../../../src/host/lifecycle/delete.ts";
import { takeDown } from "../../../../src/host/lifecycle/down.ts";
import { followToEnd } from "../../../../src/host/lifecycle/follow.ts";
import { statusOfVm } from "../../../../src/host/lifecycle/status.ts";
import { isLocked } from "../../../../src/system/kernel/lock.ts";
import { type FakeVm, fakeVm, programsMs } from "../../../support/fake-vm.ts";
import { until } from "../../../support/until.ts";

setDefaultTimeout(programsMs);

/** What config.json of a user who has logged in looks like. */
const own = '{"auths":{"registry.example":{}}}';

/** A VM that is up, and the ways to look at config.json beside it. */
async function upBesideDocker(): Promise<{ vm: FakeVm; config: () => Promise<unknown> } & AsyncDisposable> {
  const vm = await fakeVm("boots");
  const folder = join(vm.env["HOME"] ?? "", ".docker");
  await mkdir(folder);
  await writeFile(join(folder, "config.json"), own);
  await vm.up();
  const config = async (): Promise<unknown> => JSON.parse(await readFile(join(folder, "config.json"), "utf8"));
  return { vm, config, [Symbol.asyncDispose]: () => vm[Symbol.asyncDispose]() };
}

const used: unknown = { currentContext: "qn", ...JSON.parse(own) };

async function pidsOf(vm: FakeVm): Promise<{ qemu: number; supervisor: number }> {
  const { qemu, supervisor } = await statusOfVm(vm.paths, vm.env);
  return { qemu: qemu.pid ?? 0, supervisor: supervisor.pid ?? 0 };
}

async function killSupervisor(vm: FakeVm): Promise<void> {
  process.kill((await pidsOf(vm)).supervisor, "SIGKILL");
  await endOfSupervisor(vm);
}

async function endOfSupervisor(vm: FakeVm): Promise<void> {
  await until("the end of the supervisor", 10_000, () => (isLocked(vm.paths.lock) ? undefined : true));
}

test("the context is current when `up` returns, and given back when `down` does", async () => {
  await using at = await upBesideDocker();
  expect(await at.config()).toEqual(used);
  // Without `env`, down knows nothing of this docker: it is the supervisor that gives back.
  await takeDown(at.vm.paths, { force: false });
  expect(await at.config()).toEqual(JSON.parse(own));
  expect((await statusOfVm(at.vm.paths, at.vm.env)).docker.context).toBe("qn");
  await deleteVmFiles(at.vm.paths, at.vm.env, { data: true, force: false });
  expect([await at.config(), (await at.vm.files()).filter((path) => path !== "ssh_config")]).toEqual([
    JSON.parse(own),
    ["_data"],
  ]);
});

test("a QEMU that is killed takes the context with it", async () => {
  await using at = await upBesideDocker();
  const { qemu } = await pidsOf(at.vm);
  const end = followToEnd(at.vm.paths);
  process.kill(qemu, "SIGKILL");
  await expect(end).rejects.toThrow();
  await endOfSupervisor(at.vm);
  expect(await at.config()).toEqual(JSON.parse(own));
});

test("a supervisor that is killed leaves the context to the next one, or to down", async () => {
  await using at = await upBesideDocker();
  await killSupervisor(at.vm);
  expect(await at.config()).toEqual(used);
  await at.vm.up();
  expect(await at.config()).toEqual(used);
  await killSupervisor(at.vm);
  await takeDown(at.vm.paths, { force: false, env: at.vm.env });
  expect(await at.config()).toEqual(JSON.parse(own));
});

test("when everything was killed, the next up and down give back what was there before", async () => {
  await using at = await upBesideDocker();
  const { qemu } = await pidsOf(at.vm);
  await killSupervisor(at.vm);
  process.kill(qemu, "SIGKILL");
  expect(await at.config()).toEqual(used);
  await at.vm.up();
  await takeDown(at.vm.paths, { force: false });
  expect(await at.config()).toEqual(JSON.parse(own));
});

test("with `docker.context: none` the docker command's files are not touched", async () => {
  await using vm = await fakeVm("boots");
  await vm.up({ flags: { mounts: [], cpus: 1, memoryMiB: 512, diskGiB: 2, docker: { context: "none" } } });
  expect((await statusOfVm(vm.paths, vm.env)).docker.context).toBeNull();
});
