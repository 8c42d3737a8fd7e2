/** A VM that is paused though a container runs in it, and goes on for whoever comes, on the fake QEMU. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { takeDown } from "../../../../../src/host/lifecycle/down.ts";
import { statusOfVm } from "../../../../../src/host/lifecycle/status.ts";
import { connectQmp } from "../../../../../src/host/qmp/client.ts";
import { queryStatus } from "../../../../../src/host/qmp/commands.ts";
import { LineReader } from "../../../../../src/protocol/frame.ts";
import { connect, isListenedAt } from "../../../../../src/system/net/connection.ts";
import { linesOf } from "../../../../../src/system/net/lines.ts";
import { type FakeVm, fakeVm, linesWith, programsMs, stateOf } from "../../../../support/fake-vm.ts";
import { becomes, containers, flags, hasEnded } from "../../../../support/idle-vm.ts";
import { until } from "../../../../support/until.ts";

setDefaultTimeout(programsMs);

/** A VM in which a container runs, and that is paused. */
async function pausedVm(after = "never", wake = "never", pause = "1s"): Promise<FakeVm> {
  const vm = await fakeVm("boots");
  await vm.up({ flags: { ...flags, idle: { after, pause, wake } } });
  if (after === "never") writeFileSync(join(vm.layout.home, "in-use"), "");
  await becomes(vm, "paused");
  return vm;
}

/** What QEMU says of its guest. */
async function processorsOf({ paths }: FakeVm): Promise<string> {
  await using qmp = await connectQmp(paths.qmpSocket);
  return (await queryStatus(qmp)).status;
}

test("a VM that nobody uses is paused though a container runs, who looks wakes nobody, and Docker's client does", async () => {
  await using vm = await pausedVm();
  const { state, docker, reason, qemu } = await statusOfVm(vm.paths, vm.env);
  expect([state, docker.reachable, reason, typeof qemu.pid]).toEqual(["paused", false, null, "number"]);
  expect([await isListenedAt(vm.paths.dockerSocket), await processorsOf(vm)]).toEqual([true, "paused"]);
  expect((await stateOf(vm)).state).toBe("paused");
  expect(await containers(vm)).toEqual([]);
  expect([(await stateOf(vm)).state, await processorsOf(vm)]).toEqual(["running", "running"]);
  // Its clock is looked at before anything else.
  expect(await linesWith(vm.paths.logs.supervisor, "paused -> running (wake)")).toHaveLength(1);
  await becomes(vm, "paused");
});

test("ssh wakes one that is paused, and keeps it from being paused again", async () => {
  await using vm = await pausedVm();
  const { ssh } = await statusOfVm(vm.paths, vm.env);
  const client = await connect({ hostname: "127.0.0.1", port: ssh.port ?? 0 });
  expect(await linesOf(client, new LineReader()).next()).toBe("SSH-2.0-fake\r");
  // Two spans of the clock: without the client it would be paused by then.
  await Bun.sleep(2_500);
  expect([(await stateOf(vm)).state, await processorsOf(vm)]).toEqual(["running", "running"]);
  client.end();
  await becomes(vm, "paused");
});

test("`qn up`, `qn down` and a suspend have one that is paused go on first", async () => {
  await using vm = await pausedVm();
  expect(await vm.up()).toBe("running");
  expect(await processorsOf(vm)).toBe("running");
  await becomes(vm, "paused");
  const stopped: string[] = [];
  const suspend = (names: readonly string[]): void => void stopped.push(...names);
  expect(await takeDown(vm.paths, { force: false, env: vm.env, suspend })).toBe("suspended");
  await vm.up({ flags: { ...flags, idle: { pause: "1s" } } });
  await becomes(vm, "paused");
  // A guest that stands still hears no power button.
  expect(await takeDown(vm.paths, { force: false, env: vm.env })).toBe("stopped");
});

test("one in which nothing is in use is paused first, and falls asleep from there", async () => {
  await using vm = await pausedVm("3s");
  await becomes(vm, "asleep");
  expect(readFileSync(vm.paths.logs.supervisor, "utf8")).toContain("paused -> suspending, asleep next (suspend)");
  expect(await containers(vm)).toEqual([]);
});

test("one whose supervisor is killed while it is paused goes on with the next", async () => {
  await using vm = await pausedVm();
  process.kill((await statusOfVm(vm.paths, vm.env)).supervisor.pid ?? 0, "SIGKILL");
  await hasEnded(vm);
  expect(await processorsOf(vm)).toBe("paused");
  await vm.up();
  expect([await containers(vm), await processorsOf(vm)]).toEqual([[], "running"]);
});

/** Resolves when this has been logged so often. */
async function logged({ paths }: FakeVm, text: string, times: number): Promise<void> {
  await until(`"${text}"`, 60_000, async () => (await linesWith(paths.logs.supervisor, text))[times - 1]);
}

test("one that is to go on by itself says when, and wakes for whoever comes before", async () => {
  await using vm = await pausedVm("never", "1h");
  expect((await stateOf(vm)).reason).toMatch(/^It goes on by itself in (1 h 0|59) min( \d+ s)?, for a moment\.$/);
  expect([await containers(vm), (await stateOf(vm)).reason]).toEqual([[], null]);
});

test("one that is to go on by itself does, again and again, until it is calm; and is shut down meanwhile", async () => {
  await using vm = await pausedVm("never", "1s", "10s");
  await logged(vm, "goes on for a moment", 3);
  await logged(vm, "is calm", 3);
  // From now on it is not calm: it goes on for whoever comes, and for who wants it down.
  writeFileSync(join(vm.layout.home, "works"), "");
  await becomes(vm, "running");
  expect([await containers(vm), await processorsOf(vm)]).toEqual([[], "running"]);
  expect(await takeDown(vm.paths, { force: false, env: vm.env })).toBe("stopped");
});
