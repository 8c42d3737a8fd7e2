/** Services of VMs: files that their managers understand, installed and removed, and run as the manager would run them. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { chmod, mkdir, readdir, readFile, readlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  hasService,
  installService,
  type ServiceHost,
  serviceSpec,
  serviceState,
  startThroughService,
  uninstallService,
} from "../../../../src/host/integrate/service/manage.ts";
import { renderPlist, renderUnit, type ServiceSpec } from "../../../../src/host/integrate/service/service-files.ts";
import { takeDown } from "../../../../src/host/lifecycle/down.ts";
import { statusOfVm } from "../../../../src/host/lifecycle/status.ts";
import { layoutOf } from "../../../../src/host/layout.ts";
import { findProgram, run } from "../../../../src/system/process.ts";
import { ownUser } from "../../../../src/system/own-user.ts";
import { type FakeVm, fakeVm, programsMs } from "../../../support/fake-vm.ts";
import { repository } from "../../../support/program.ts";
import { tempHome } from "../../../support/temp-home.ts";
import { until } from "../../../support/until.ts";

setDefaultTimeout(programsMs);

/** Everything in it that a manager could take for its own. */
const awkward: ServiceSpec = {
  vm: "web",
  name: "web",
  command: [process.execPath, String.raw`a "b" 'c' \d %h $HOME ${"$"}{x} <&> é`, "supervise"],
  environment: { QN_HOME: '/h/50% "x" & <y>', PATH: "/usr/bin:/bin" },
  log: "/h/a b/supervisor.log",
};

/** Reads a property list with Python's own library. */
const plistReader = "import json,plistlib,sys; print(json.dumps(plistlib.load(sys.stdin.buffer)))";

test.skipIf(findProgram("python3") === undefined)(
  "the launchd agent is a property list that says what it should",
  async () => {
    const { stdout, stderr } = await run(["python3", "-c", plistReader], { stdin: Buffer.from(renderPlist(awkward)) });
    expect(stderr).toBe("");
    expect(JSON.parse(stdout)).toEqual({
      Label: "qn.web",
      ProgramArguments: awkward.command,
      EnvironmentVariables: awkward.environment,
      WorkingDirectory: "/",
      RunAtLoad: true,
      KeepAlive: { SuccessfulExit: false },
      ThrottleInterval: 5,
      ExitTimeOut: 120,
      AbandonProcessGroup: true,
      ProcessType: "Interactive",
      SoftResourceLimits: { NumberOfFiles: 65_536 },
      StandardErrorPath: awkward.log,
      Umask: 63,
    });
  },
);

test.skipIf(findProgram("systemd-analyze") === undefined)("systemd finds nothing wrong with the unit", async () => {
  await using home = await tempHome({ images: false });
  const path = join(home.path, "qn-web.service");
  await writeFile(path, renderUnit(awkward));
  const { exitCode, stderr } = await run(["systemd-analyze", "--user", "verify", "--man=no", path], {
    env: { ...process.env, XDG_RUNTIME_DIR: home.path },
  });
  expect([exitCode, stderr.split("\n").filter((line) => line.includes("qn-web"))]).toEqual([0, []]);
  // It would have something to say about a unit that is wrong.
  await writeFile(path, renderUnit(awkward).replace("Type=notify", "Type=nothing"));
  const wrong = await run(["systemd-analyze", "--user", "verify", "--man=no", path], {
    env: { ...process.env, XDG_RUNTIME_DIR: home.path },
  });
  expect(wrong.stderr).toContain("nothing");
});

/** A home folder, and managers that only write down what they are told. */
async function desk(os: ServiceHost["os"], answer = "exit 0") {
  const home = await tempHome({ images: false });
  const tools = join(home.path, "_tools");
  const told = join(home.path, "told");
  await mkdir(tools);
  await writeFile(told, "");
  for (const name of ["systemctl", "launchctl"]) {
    await writeFile(join(tools, name), `#!/bin/sh\necho "${name} $*" >> '${told}'\n${answer}\n`);
    await chmod(join(tools, name), 0o755);
  }
  const env = { HOME: home.path, PATH: `${tools}:/usr/bin:/bin`, QN_QEMU: "/opt/q/qemu", EDITOR: "vi" };
  const layout = layoutOf(join(home.path, ".qn"));
  return {
    host: { os, env } satisfies ServiceHost,
    paths: layout.vm("web"),
    spec: serviceSpec(layout.vm("web"), layout.home, ["/usr/bin/qn"], env),
    told: async () => (await readFile(told, "utf8")).replaceAll(home.path, "~").split("\n").slice(0, -1),
    files: async () =>
      (await readdir(home.path, { recursive: true })).filter((path) => /\.(service|plist)$/.test(path)).toSorted(),
    folders: async () => (await readdir(home.path)).toSorted(),
    path: home.path,
    [Symbol.asyncDispose]: () => home[Symbol.asyncDispose](),
  };
}

test("with systemd a service is enabled, started, and goes without a trace", async () => {
  await using at = await desk("linux");
  expect(await installService(at.host, at.spec)).toBeUndefined();
  expect(await installService(at.host, at.spec)).toBeUndefined();
  const unit = join(at.path, ".config/systemd/user/qn-web.service");
  expect(await readlink(join(at.path, ".config/systemd/user/default.target.wants/qn-web.service"))).toBe(unit);
  expect(await serviceState(at.host, at.paths)).toEqual({
    manager: "systemd",
    file: unit,
    installed: true,
    active: true,
  });
  expect(await uninstallService(at.host, at.paths)).toBe(true);
  expect([await at.files(), await uninstallService(at.host, at.paths)]).toEqual([[], false]);
  const start = ["systemctl --user daemon-reload", "systemctl --user restart --no-block qn-web.service"];
  expect(await at.told()).toEqual([
    ...start,
    ...start,
    "systemctl --user is-active --quiet qn-web.service",
    "systemctl --user stop qn-web.service",
    "systemctl --user daemon-reload",
    "systemctl --user reset-failed qn-web.service",
  ]);
});

test("with launchd a service is loaded anew each time, and goes without a trace", async () => {
  await using at = await desk("darwin");
  expect(await installService(at.host, at.spec)).toBeUndefined();
  expect(await at.files()).toEqual(["Library/LaunchAgents/qn.web.plist"]);
  expect(await startThroughService(at.host, at.paths)).toBe(true);
  expect(await uninstallService(at.host, at.paths)).toBe(true);
  expect(await at.files()).toEqual([]);
  const domain = `gui/${ownUser().uid}`;
  expect(await at.told()).toEqual([
    `launchctl bootout ${domain}/qn.web`,
    `launchctl enable ${domain}/qn.web`,
    `launchctl bootstrap ${domain} ~/Library/LaunchAgents/qn.web.plist`,
    `launchctl kickstart ${domain}/qn.web`,
    `launchctl bootout ${domain}/qn.web`,
  ]);
});

test("a service is set up without a session too, and says what could not be done", async () => {
  await using at = await desk("linux", "echo no bus >&2; exit 1");
  expect(await installService(at.host, at.spec)).toBe("systemctl --user restart --no-block qn-web.service: no bus");
  expect([(await at.files()).length, (await serviceState(at.host, at.paths)).active]).toEqual([2, false]);
  expect(await startThroughService(at.host, at.paths)).toBe(false);
});

test.each([
  ["linux", /^\.config\/systemd\/user\/(default\.target\.wants\/)?qn-web\.[0-9a-f]{8}\.service$/],
  ["darwin", /^Library\/LaunchAgents\/qn\.web\.[0-9a-f]{8}\.plist$/],
] as const)("on %s VMs of one name in three QN_HOMEs have a service each", async (os, other) => {
  await using at = await desk(os);
  await installService(at.host, at.spec);
  const alone = await at.files();
  const others = ["50% <&>", "elsewhere"].map((name) => layoutOf(join(at.path, name)));
  for (const layout of others) {
    const paths = layout.vm("web");
    expect([await startThroughService(at.host, paths), await uninstallService(at.host, paths)]).toEqual([false, false]);
    await installService(at.host, serviceSpec(paths, layout.home, ["/usr/bin/qn"], at.host.env));
    expect(await startThroughService(at.host, paths)).toBe(true);
  }
  const added = (await at.files()).filter((path) => !alone.includes(path));
  expect(added.filter((path) => !other.test(path))).toEqual([]);
  expect(added).toHaveLength(2 * alone.length);
  for (const layout of others) expect(await uninstallService(at.host, layout.vm("web"))).toBe(true);
  expect([await at.files(), await hasService(at.host, at.paths)]).toEqual([alone, true]);
});

test("a service that Nix has written for another QN_HOME is found by the log that it names", async () => {
  await using at = await desk("linux");
  const paths = layoutOf(join(at.path, "state")).vm("web");
  const folder = join(at.path, ".config/systemd/user");
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "qn-web.service"), `[Unit]\nDocumentation=file:${paths.logs.supervisor}\n`);
  expect([await hasService(at.host, paths), await hasService(at.host, at.paths)]).toEqual([true, false]);
});

test("a service has qn's own variables and absolute folders, and nothing else of the shell", async () => {
  await using at = await desk("linux");
  const { command, environment } = at.spec;
  expect(command).toEqual(["/usr/bin/qn", "supervise", "web", "--service"]);
  expect(Object.keys(environment).toSorted()).toEqual(["PATH", "QN_HOME", "QN_QEMU"]);
  expect(environment["PATH"]?.split(":").every((folder) => folder.startsWith("/"))).toBe(true);
});

/** The words of a line of the unit, read back by the rules of systemd.syntax(7) that it uses. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, word = ""]) =>
    word.replaceAll(/\\(.)/g, "$1").replaceAll("%%", "%").replaceAll("$$", "$"),
  );
}

/** Starts what the unit says, with nothing in the environment but what a manager and the unit give. */
function startUnit(vm: FakeVm) {
  const self = [process.execPath, join(repository, "src/main.ts")];
  const unit = renderUnit(serviceSpec(vm.paths, vm.layout.home, self, vm.env)).split("\n");
  const values = (key: string) =>
    unit.filter((line) => line.startsWith(`${key}=`)).map((line) => line.slice(key.length + 1));
  const environment = values("Environment").flatMap(wordsOf);
  const given = [`HOME=${vm.env["HOME"]}`, "PATH=/usr/bin:/bin"];
  return Bun.spawn(["env", "-i", ...given, ...environment, ...wordsOf(values("ExecStart")[0] ?? "")], {
    cwd: "/",
    stdio: ["ignore", "pipe", "ignore"],
  });
}

async function running(vm: FakeVm): Promise<{ qemu: number; supervisor: number }> {
  return await until("the VM to run", 60_000, async () => {
    const { state, qemu, supervisor } = await statusOfVm(vm.paths, vm.env);
    return state === "running" ? { qemu: qemu.pid ?? 0, supervisor: supervisor.pid ?? 0 } : undefined;
  });
}

test("the unit's own command runs the VM in a bare environment, ends with 0 after down, and not so after a crash", async () => {
  await using vm = await fakeVm("boots");
  await vm.up();
  await takeDown(vm.paths, { force: false });
  const first = startUnit(vm);
  await running(vm);
  expect(await vm.up()).toBe("running");
  await takeDown(vm.paths, { force: false });
  expect(await first.exited).toBe(0);
  const second = startUnit(vm);
  process.kill((await running(vm)).qemu, "SIGKILL");
  expect(await second.exited).toBe(31);
});

test("a service stands by while `up` runs the VM, and takes over when that supervisor dies", async () => {
  await using vm = await fakeVm("boots");
  await vm.up();
  const { qemu, supervisor } = await running(vm);
  const service = startUnit(vm);
  // It says so once it stands by; the first supervisor has the lock.
  expect(Buffer.from((await service.stdout.getReader().read()).value ?? []).toString()).toBe("listening\n");
  process.kill(supervisor, "SIGKILL");
  const after = await until("the service to take over", 60_000, async () => {
    const now = await statusOfVm(vm.paths, vm.env).catch(() => undefined);
    return now?.state === "running" && now.supervisor.pid !== supervisor ? now : undefined;
  });
  expect(after.qemu.pid).toBe(qemu);
  await takeDown(vm.paths, { force: false });
  expect(await service.exited).toBe(0);
});
