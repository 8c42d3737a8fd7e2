/** Somebody wants a VM down at the very moment in which its guest goes on from what was saved. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { chmod, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { takeDown } from "../../../../../src/host/lifecycle/down.ts";
import { statusOfVm } from "../../../../../src/host/lifecycle/status.ts";
import { isLocked } from "../../../../../src/system/kernel/lock.ts";
import { type FakeVm, fakeVm, linesWith, processesWith, programsMs } from "../../../../support/fake-vm.ts";
import { processesLeft } from "../../../../support/processes.ts";
import { repository } from "../../../../support/program.ts";
import { until } from "../../../../support/until.ts";

setDefaultTimeout(programsMs);

/** An ssh that says when it is asked, and takes its time: whoever takes a guest over asks it about each master. */
type SlowSsh = {
  readonly env: Record<string, string>;
  readonly asked: Promise<unknown>;
  readonly letGo: () => Promise<void>;
};

/** Such a one. The VM has the socket of a master, whatever its QEMU is started for. */
async function slowSsh(vm: FakeVm): Promise<SlowSsh> {
  const tools = join(vm.layout.home, "_tools");
  const [ssh, asked, holds] = [join(tools, "ssh"), join(tools, "asked"), join(tools, "holds")];
  await writeFile(ssh, `#!/bin/sh\n: > ${asked}\nwhile [ -e ${holds} ]; do sleep 0.05; done\n`);
  await chmod(ssh, 0o755);
  await writeFile(holds, "");
  const qemu = readFileSync(join(tools, "qemu"), "utf8");
  const master = 'for w; do case $w in *id=qmp,path=*) p=${w#*path=}; : > "${p%/*}/ssh.sock" ;; esac; done\n';
  await writeFile(join(tools, "qemu"), qemu.replace("exec", `${master}exec`));
  return {
    env: { ...vm.env, PATH: `${tools}:${vm.env["PATH"]}` },
    asked: until("an ssh that is asked", programsMs, () => existsSync(asked) || undefined),
    letGo: () => rm(holds),
  };
}

/** Ends a VM that is suspended and has been started, as a service manager does, and lets its guest go on then. */
async function endAsService(vm: FakeVm, start: Promise<unknown>, letGo: () => Promise<void>): Promise<void> {
  const { supervisor } = await statusOfVm(vm.paths, vm.env);
  process.kill(supervisor.pid ?? 0, "SIGTERM");
  await until("a supervisor that is told", programsMs, async () => {
    return (await linesWith(vm.paths.logs.supervisor, "(stop)")).length > 0 || undefined;
  });
  await letGo();
  await start;
  await until("its end", programsMs, () => !isLocked(vm.paths.lock) || undefined);
  expect([await processesLeft(vm.paths.folder), await linesWith(vm.paths.logs.qemu, "power button")]).toEqual([
    [],
    ["power button"],
  ]);
}

async function suspendedVm(): Promise<FakeVm> {
  const vm = await fakeVm("boots");
  await vm.up();
  await takeDown(vm.paths, { force: false, env: vm.env, suspend: () => {} });
  return vm;
}

test("a VM whose service ends just when its guest goes on is shut down, and nothing of it runs on", async () => {
  await using vm = await suspendedVm();
  const { env, asked, letGo } = await slowSsh(vm);
  const start = vm.up({ env }).catch(() => {});
  await asked;
  await endAsService(vm, start, letGo);
});

test("so is one whose state is taken, and whose guest QEMU has not let go on yet", async () => {
  await using vm = await suspendedVm();
  const holds = join(vm.paths.folder, "holds");
  await writeFile(holds, "");
  const start = vm.up().catch(() => {});
  await until("a state that is taken", programsMs, () => existsSync(`${vm.paths.suspended}.taken`) || undefined);
  await endAsService(vm, start, () => rm(holds));
});

test("a `qn run` that is called off just when its guest goes on leaves no QEMU and no file", async () => {
  await using vm = await fakeVm("boots");
  const words = [process.execPath, join(repository, "src/main.ts"), "run", "--memory", "512", "--", "true"];
  const run = (env: Record<string, string>) => {
    return Bun.spawn(words, { env: { ...env, QN_HOME: vm.layout.home }, stdio: ["ignore", "ignore", "ignore"] });
  };
  expect(await run(vm.env).exited).toBe(0);
  const { env, asked, letGo } = await slowSsh(vm);
  const qn = run(env);
  await asked;
  qn.kill("SIGINT");
  const [id = ""] = (await readdir(vm.layout.throwaways)).filter((name) => name.startsWith("r-"));
  await until("a qn that is told", programsMs, async () => {
    const { state } = await statusOfVm(vm.layout.throwaway(id), vm.env);
    return state.startsWith("stop") || undefined;
  });
  await letGo();
  expect(await qn.exited).toBe(130);
  expect(await readdir(vm.layout.throwaways)).toEqual([expect.stringMatching(/^t-/)]);
  await until("the end of all of it", programsMs, async () => {
    return (await processesWith(vm.layout.throwaways)).length === 0 || undefined;
  });
});
