/** The life of a service under a real user manager: run by a test as a program of its own, beside that manager. */
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import {
  installService,
  serviceSpec,
  serviceState,
  uninstallService,
} from "../../../src/host/integrate/service/manage.ts";
import { takeDown } from "../../../src/host/lifecycle/down.ts";
import { statusOfVm } from "../../../src/host/lifecycle/status.ts";
import { run } from "../../../src/system/process.ts";
import { fakeVm } from "../fake-vm.ts";
import { repository } from "../program.ts";
import { until } from "../until.ts";

const told: Record<string, unknown> = {};
await using vm = await fakeVm("boots");
const home = process.env["HOME"] ?? "";
const host = { os: "linux", env: { ...process.env, ...vm.env, HOME: home } } as const;
const self = [process.execPath, join(repository, "src/main.ts")];

const running = async (not?: number | null) =>
  await until("the VM to run", 60_000, async () => {
    const now = await statusOfVm(vm.paths, vm.env).catch(() => undefined);
    return now?.state === "running" && now.supervisor.pid !== not ? now : undefined;
  });
const isActive = async (): Promise<boolean> => (await serviceState(host, vm.paths)).active;

// A VM is made by `up`; its service takes over from then on.
await vm.up();
await takeDown(vm.paths, { force: false });
told["trouble at install"] = await installService(host, serviceSpec(vm.paths, vm.layout.home, self, host.env));
const first = await running();
told["active after install"] = await isActive();
told["up finds it running"] = await vm.up();

process.kill(first.supervisor.pid ?? 0, "SIGKILL");
const second = await running(first.supervisor.pid);
told["the same QEMU after a crash"] = second.qemu.pid === first.qemu.pid;
told["active after a crash"] = await isActive();

told["down"] = await takeDown(vm.paths, { force: false });
await until("an inactive service", 30_000, async () => ((await isActive()) ? undefined : true));
// One that is to be started again would be "activating (auto-restart)" by now.
const unit = basename((await serviceState(host, vm.paths)).file);
const { stdout } = await run(["systemctl", "--user", "show", "--property=SubState,Result", unit], { env: host.env });
told["after down"] = [(await statusOfVm(vm.paths, vm.env)).state, ...stdout.trim().split("\n").toSorted()];

told["uninstalled"] = await uninstallService(host, vm.paths);
const units = join(home, ".config/systemd/user");
told["units left"] = existsSync(units) ? await readdir(units, { recursive: true }) : [];
process.stdout.write(`\n${JSON.stringify(told)}\n`);
