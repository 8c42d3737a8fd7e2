/** `qn deploy` on a guest with systems shaped like NixOS': switches that go well, and every way in which one may not. */
import { expect } from "bun:test";
import type { Conversation } from "../support/conversation.ts";
import { inGuest, installSystems, type SystemName, systemPath, systemsNow } from "../support/stand-in-nixos.ts";
import { until } from "../support/until.ts";
import { bootVm, testWithVm, type Vm } from "../support/vm.ts";

const test = testWithVm(async () => {
  const vm = await bootVm();
  await installSystems(vm.folder);
  return vm;
});

const first = { runs: "first", boots: "first", profile: "first", generation: "1" };

/** A deployment that has to be taken back: status 62, the old system, and agent and Docker as before. */
async function isTakenBack(vm: Vm, name: SystemName, timeoutS: number): Promise<string> {
  const { exitCode, stderr } = await vm.fail(["qn", "deploy", systemPath(name), "--timeout", `${timeoutS}`]);
  expect([exitCode, stderr]).toEqual([62, expect.stringContaining("has gone back. [DEPLOY_ROLLED_BACK]")]);
  await isAsBefore(vm);
  return stderr;
}

async function isAsBefore(vm: Vm): Promise<void> {
  expect(await systemsNow(vm.folder)).toEqual(first);
  await until("a VM that runs", 60_000, async () => (await vm.status()).state === "running" || undefined);
  expect(await vm.docker("run", "--rm", "busybox", "echo", "well")).toBe("well");
  expect(await inGuest(vm.folder, "systemctl list-units --all --plain --no-legend 'qn-rollback*' 'qn-switch*'")).toBe(
    "",
  );
}

test("a dry run shows what would be done, and does nothing", async (vm) => {
  const deploy = vm.converse(["qn", "deploy", systemPath("second"), "--dry-run"], { errors: "only" });
  await heard(deploy, "would activate second");
  expect(await deploy.end()).toBe(0);
  expect(await systemsNow(vm.folder)).toEqual(first);
});

test("a switch that fails is taken back at once, with its last words", async (vm) => {
  const stderr = await isTakenBack(vm, "fails", 300);
  expect(stderr).toContain("was not kept: the switch ended with status 4.");
  expect(stderr).toContain("the following units failed: web.service");
});

test("a switch that kills the agent is taken back", async (vm) => {
  expect(await isTakenBack(vm, "kills-agent", 60)).toContain("it was not well within 60 s");
});

test("a switch that kills Docker is taken back", async (vm) => {
  expect(await isTakenBack(vm, "kills-docker", 60)).toContain("it was not well within 60 s");
});

test("a switch that hangs is ended and taken back", async (vm) => {
  expect(await isTakenBack(vm, "hangs", 40)).toContain("it was not well within 40 s");
});

test("a deployment whose host dies in the middle is taken back by the guest alone", async (vm) => {
  const deploy = vm.converse(["qn", "deploy", systemPath("kills-agent"), "--timeout", "60"], { errors: "only" });
  await heard(deploy, "waiting for the agent and Docker");
  expect((await systemsNow(vm.folder)).runs).toBe("kills-agent");
  deploy.kill("SIGKILL");
  await until(
    "the guest's going back",
    180_000,
    async () => (await systemsNow(vm.folder)).runs === "first" || undefined,
  );
  await isAsBefore(vm);
});

test("Ctrl-C in the middle takes it back at once", async (vm) => {
  const deploy = vm.converse(["qn", "deploy", systemPath("kills-agent"), "--timeout", "600"], { errors: "only" });
  await heard(deploy, "waiting for the agent and Docker");
  deploy.kill("SIGINT");
  expect(await deploy.end(120_000)).toBe(130);
  await isAsBefore(vm);
});

test("a second deployment waits for nobody while one is under way", async (vm) => {
  const deploy = vm.converse(["qn", "deploy", systemPath("hangs"), "--timeout", "600"], { errors: "only" });
  await heard(deploy, "switching");
  await until("the switch", 60_000, async () => (await systemsNow(vm.folder)).runs === "hangs" || undefined);
  const { exitCode, stderr } = await vm.fail(["qn", "deploy", systemPath("second")]);
  expect([exitCode, stderr]).toEqual([61, expect.stringContaining("another deployment is under way")]);
  deploy.kill("SIGINT");
  expect(await deploy.end(120_000)).toBe(130);
  await isAsBefore(vm);
});

test("what is no system is refused, and nothing changes", async (vm) => {
  await inGuest(vm.folder, "mkdir -p /var/lib/systems/none");
  const { exitCode } = await vm.fail(["qn", "deploy", "/var/lib/systems/none", "--boot"]);
  // What the guest does not have is to be copied there, which needs Nix here.
  expect(exitCode).toBe(Bun.which("nix") === null ? 13 : 61);
  expect(await systemsNow(vm.folder)).toEqual(first);
});

test("of a guest that crashes before it was found well the boot loader knows the old system alone", async (vm) => {
  const deploy = vm.converse(["qn", "deploy", systemPath("kills-agent"), "--timeout", "600"], { errors: "only" });
  await heard(deploy, "waiting for the agent and Docker");
  deploy.kill("SIGKILL");
  expect(await systemsNow(vm.folder)).toEqual({ ...first, runs: "kills-agent" });
  await vm.qn("down", "--force");
  await vm.qn("up");
  // The stand-in has no boot loader: what it would boot is what the boot loader was told last.
  expect(await systemsNow(vm.folder)).toMatchObject({ boots: "first", profile: "first" });
  await inGuest(vm.folder, `ln -sfn ${systemPath("first")} /run/current-system`);
  await isAsBefore(vm);
});

test("a good system runs, boots from now on, and --rollback goes back to the one before", async (vm) => {
  await vm.qn("deploy", systemPath("second"));
  expect(await systemsNow(vm.folder)).toEqual({ runs: "second", boots: "second", profile: "second", generation: "2" });
  await vm.qn("deploy", "--rollback");
  expect(await systemsNow(vm.folder)).toEqual(first);
  const { exitCode, stderr } = await vm.fail(["qn", "deploy", "--rollback"]);
  expect([exitCode, stderr]).toEqual([61, expect.stringContaining("no generation before its own")]);
});

test("--boot changes the next start alone", async (vm) => {
  await vm.qn("deploy", systemPath("second"), "--boot");
  expect(await systemsNow(vm.folder)).toMatchObject({ runs: "first", boots: "second", profile: "second" });
});

/** Reads on until a line has these words. */
async function heard(talk: Conversation, words: string): Promise<void> {
  while (!(await talk.nextLine(120_000)).includes(words));
}
