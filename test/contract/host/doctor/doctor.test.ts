/** `qn doctor` and `qn report` on a machine of which a part is broken. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { chmod, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { examine, type Finding } from "../../../../src/host/doctor/checks.ts";
import { packReport } from "../../../../src/host/doctor/report.ts";
import { takeDown } from "../../../../src/host/lifecycle/down.ts";
import { readBootRecord } from "../../../../src/host/supervisor/boot/boot.ts";
import { installLines } from "../../../../src/host/qemu/packages.ts";
import { isThere } from "../../../../src/system/files.ts";
import { ownArch } from "../../../../src/system/platform.ts";
import { run } from "../../../../src/system/process.ts";
import { failureOf } from "../../../support/failures.ts";
import { type FakeVm, fakeVm, programsMs } from "../../../support/fake-vm.ts";
import { newFolder } from "../../../support/folder.ts";
import { withoutTmp } from "../../../support/without-tmp.ts";

setDefaultTimeout(programsMs);

const dayMs = 86_400_000;

async function findings(vm: FakeVm, env: Record<string, string> = {}, laterMs = 0): Promise<readonly Finding[]> {
  return await examine({ layout: vm.layout, env: { ...vm.env, ...env }, nowMs: Date.now() + laterMs });
}

/** The level and the fix of a check, without the paths of this test. */
async function one(vm: FakeVm, check: string, env: Record<string, string> = {}, laterMs = 0): Promise<string[]> {
  return (await findings(vm, env, laterMs))
    .filter((finding) => finding.check === check && finding.level !== "ok")
    .map(({ level, fix }) => `${level}: ${fix}`.replaceAll(vm.layout.home, "~"));
}

test("each check finds its fault, and says what mends it", async () => {
  await using vm = await fakeVm("boots");
  expect(await one(vm, "home")).toEqual([]);
  await chmod(vm.layout.home, 0o777);
  expect(await one(vm, "home")).toEqual(["warn: Run: chmod go-w ~"]);
  expect(await one(vm, "context", { DOCKER_HOST: "tcp://192.0.2.1" })).toEqual(["warn: Run: unset DOCKER_HOST"]);
  expect(await one(vm, "context", { DOCKER_HOST: `unix://${vm.paths.dockerSocket}` })).toEqual([]);
  expect(await one(vm, "context", { DOCKER_CONTEXT: "x" })).toEqual(["warn: Run: unset DOCKER_CONTEXT"]);
  expect(await one(vm, "qemu", { QN_QEMU: "/nowhere/qemu" })).toEqual([
    expect.stringMatching(/^fail: .*; or set QN_QEMU\.$/),
  ]);
  const words = "Install QEMU with UEFI firmware and qemu-img, and OpenSSH's client";
  expect(await one(vm, "tools", { PATH: "/nowhere" })).toEqual([`fail: ${words}.`]);
  await using system = await newFolder();
  await writeFile(join(system.path, "zypper"), "", { mode: 0o755 });
  const line = `Run: ${installLines["zypper"]?.[ownArch()]}`;
  expect(await one(vm, "tools", { PATH: system.path })).toEqual([`fail: ${line}.`]);
  expect(await one(vm, "qemu", { PATH: system.path, QN_QEMU: "" })).toEqual([`fail: ${line}; or set QN_QEMU.`]);
  expect(await one(vm, "docker", { PATH: "/nowhere" })).toHaveLength(1);
});

test("wrong settings are found in the file of all VMs, of each VM and in variables, each once and with its place", async () => {
  await using vm = await fakeVm("boots");
  const settings = async (env: Record<string, string> = {}) =>
    (await findings(vm, env))
      .filter(({ check }) => check === "settings")
      .map(({ level, text, fix }) => `${level}: ${text} ${fix}`.replaceAll(vm.layout.home, "~"));
  expect(await settings()).toEqual(["ok: Every setting is right. null"]);
  const common = await readFile(vm.paths.commonConfig, "utf8").catch(() => "");
  await writeFile(vm.paths.commonConfig, `${common}cpu: 4\n`);
  for (const name of ["web", "db"]) await mkdir(join(vm.layout.home, name));
  await writeFile(join(vm.layout.home, "web/config.yaml"), "memoryMiB: 4\n");
  // Whether it is stopped nobody can say, so its disk is not looked at, and that is no second fault.
  await writeFile(vm.layout.vm("web").systemDisk, "");
  expect(await settings({ QN_DISK_GIB: "none" })).toEqual([
    expect.stringMatching(
      /^fail: cpu is not a known setting; did you mean cpus\? \(~\/config.yaml\)\. Run: qn config edit --all$/,
    ),
    expect.stringMatching(/^fail: diskGiB .*QN_DISK_GIB.* Correct the value named above\.$/),
    "fail: memoryMiB must be at least 512, got 4 (~/web/config.yaml). Run: qn config edit web",
  ]);
  expect((await findings(vm)).filter(({ check }) => check === "disks")).toMatchObject([{ level: "ok" }]);
  await writeFile(vm.paths.commonConfig, common);
  await writeFile(join(vm.layout.home, "web/config.yaml"), "");
  await writeFile(join(vm.layout.home, "none.pem"), "no certificate\n");
  const certificates = join(vm.layout.home, "none.pem");
  expect(await settings({ QN_DOCKER_CA_CERTIFICATES: certificates })).toEqual([
    "fail: docker.caCertificates: ~/none.pem holds no certificate. Correct the value named above.",
  ]);
});

test("an image that is old, of another protocol or missing is found", async () => {
  await using vm = await fakeVm("boots");
  const file = join(vm.layout.images, (await readdir(vm.layout.images))[0] ?? "", "image.json");
  const manifest = JSON.parse(await readFile(file, "utf8"));
  await writeFile(file, JSON.stringify({ ...manifest, protocol: manifest.protocol - 1 }));
  expect(await one(vm, "image")).toEqual(["fail: Run: qn image pull, or qn image build"]);
  await writeFile(file, JSON.stringify(manifest));
  expect(await one(vm, "image")).toEqual([]);
  expect(await one(vm, "image", {}, 100 * dayMs)).toEqual(["warn: Run: qn image build --fresh"]);
  await rm(vm.layout.images, { recursive: true });
  const mirror = { QN_IMAGE_URL: "https://mirror.example/", QN_IMAGE_KEY: "/keys/mirror.pem" };
  expect(await one(vm, "image", mirror)).toEqual(["warn: Run: qn up, or before that: qn image pull"]);
  // Nobody's images are taken without a key, and none are fetched where the settings say so.
  for (const env of [{ QN_IMAGE_URL: mirror.QN_IMAGE_URL }, { ...mirror, QN_IMAGE_URL: "none" }])
    expect(await one(vm, "image", env)).toEqual([
      "fail: Run: qn image build, or name a mirror of yours by imageUrl and imageKey.",
    ]);
});

test("a broken system disk of a VM that is stopped is found, and none of a VM that runs is opened", async () => {
  await using vm = await fakeVm("boots");
  await vm.up();
  const bytes = await readFile(vm.paths.systemDisk);
  // Where the table of clusters is (QEMU's docs/interop/qcow2.txt), it now leads out of the file.
  bytes.fill(255, Number(bytes.readBigUInt64BE(40)) + 1, Number(bytes.readBigUInt64BE(40)) + 6);
  await writeFile(vm.paths.systemDisk, bytes);
  expect(await one(vm, "disks")).toEqual([]);
  await takeDown(vm.paths, { force: true });
  const rest = "then qn up default: it makes a new one; Docker's data are on another disk.";
  expect(await one(vm, "disks")).toEqual([`fail: Run: rm ~/default/system.qcow2, ${rest}`]);
  await rm(vm.paths.systemDisk);
  await vm.up();
  await takeDown(vm.paths, { force: true });
  // What it lies on is not looked at, were it a file of somebody else's.
  await rm(vm.layout.images, { recursive: true });
  expect(await one(vm, "disks")).toEqual([]);
});

test("sockets that nobody serves and contexts that are not there are found", async () => {
  await using vm = await fakeVm("boots");
  await mkdir(vm.paths.folder, { recursive: true });
  await writeFile(vm.paths.controlSocket, "");
  expect(await one(vm, "sockets")).toContain("warn: Run: qn up default, or qn down default");
  await mkdir(join(vm.env["HOME"] ?? "", ".docker"));
  const config = join(vm.env["HOME"] ?? "", ".docker/config.json");
  await writeFile(config, '{"currentContext":"gone"}');
  expect(await one(vm, "context")).toEqual(["warn: Run: docker context use default"]);
  await writeFile(config, "{");
  expect((await findings(vm)).filter(({ check }) => check === "context")).toEqual([
    { check: "context", level: "fail", text: expect.stringContaining(config), fix: null },
  ]);
});

test("a report of a VM that runs holds what is needed, and no secret of it", async () => {
  await using vm = await fakeVm("boots");
  await vm.up();
  const secret = (await readBootRecord(vm.paths))?.secret ?? "none";
  await writeFile(vm.paths.logs.agent, `the agent says ${secret}\npassword=hunter2 in ${vm.env["HOME"]}/x\n`);
  const output = join(vm.layout.home, "_tools", "report.tar.gz");
  const options = { layout: vm.layout, paths: vm.paths, env: vm.env, version: "9.9.9", output, keepNames: false };
  const files = await packReport({ ...options, nowMs: Date.now() });
  expect(files.toSorted()).toEqual([
    "agent.log",
    "doctor.json",
    "qemu.log",
    "serial.log",
    "settings.json",
    "status.json",
    "supervisor.log",
    "versions.json",
  ]);
  expect((await stat(output)).mode & 0o777).toBe(0o600);
  const listed = (await run(["tar", "-tzf", output])).stdout.trim().split("\n");
  expect(listed.filter((name) => !name.endsWith("/")).toSorted()).toEqual(
    files.map((name) => `report/${name}`).toSorted(),
  );
  const all = (await run(["tar", "-xzOf", output])).stdout;
  expect(all).toContain("the agent says [secret]\npassword=[secret] in ~/x\n");
  expect([all.includes(secret), all.includes("PRIVATE KEY"), all.includes(vm.layout.home)]).toEqual([
    false,
    false,
    false,
  ]);
  expect(all).toContain('"state": "running"');
  expect((await failureOf(() => packReport({ ...options, nowMs: 0 }))).message).toBe(`${output} is there already.`);
});

/** Words that are secrets in the settings and variables below, whatever way they are written there. */
const settingsSecrets = /hunter2|swordfish|opensesame|dXNlcjpw|t0pS3cret/;

test("settings go out as they are in effect, without commands and what may hold a password, however they are written", async () => {
  await using vm = await fakeVm("boots");
  await mkdir(vm.paths.folder, { recursive: true });
  await writeFile(
    vm.paths.config,
    `cpus: 3
# the old password was swordfish
provision:
  - run: >-
      curl -u ann:hunter2
      https://example.test &&
      login --password opensesame
  - run: "echo hunter2 \\
      | docker login"
docker:
  daemon: { proxies: { http-proxy: "http://ann:swordfish@proxy" } }
qemu:
  args: ["-object", "secret,id=a,data=opensesame"]
`,
  );
  const env = {
    ...vm.env,
    DOCKER_AUTH_CONFIG: '{"auths":{"r.test":{"auth":"dXNlcjpw"}}}',
    QN_PROVISION: '[{"run":"echo hunter2"}]',
    QN_MY_OWN: "t0pS3cret",
    DOCKER_HOST: "tcp://t0pS3cret@192.0.2.1:2375",
    QN_CPUS: "3",
  };
  const output = join(vm.layout.home, "_tools", "report.tar.gz");
  await packReport({ ...vm, env, version: "9.9.9", output, keepNames: true, nowMs: Date.now() });
  const all = (await run(["tar", "-xzOf", output])).stdout;
  expect(settingsSecrets.exec(all)?.[0]).toBeUndefined();
  const settings = JSON.parse((await run(["tar", "-xzOf", output, "report/settings.json"])).stdout);
  expect(settings).toMatchObject({
    cpus: 3,
    provision: "[left out]: 1",
    "docker.daemon": "[left out]: 1",
    "qemu.args": "[left out]: 2",
    "ports.bind": "loopback",
  });
  const { environment } = JSON.parse((await run(["tar", "-xzOf", output, "report/versions.json"])).stdout);
  expect(environment).toMatchObject({
    DOCKER_AUTH_CONFIG: "[left out]",
    QN_PROVISION: "[left out]",
    QN_MY_OWN: "[left out]",
    DOCKER_HOST: "tcp://[secret]@192.0.2.1:2375",
  });
});

test("a line of a command of provision is blotted out of a log that repeats it", async () => {
  await using vm = await fakeVm("boots");
  await mkdir(vm.paths.folder, { recursive: true });
  await writeFile(vm.paths.config, "provision:\n  - run: |\n      enrol hunter2\n      join the swordfish\n");
  await writeFile(vm.paths.logs.agent, "provision 1: + enrol hunter2\nsh: 2: join the swordfish: not found\n");
  const output = join(vm.layout.home, "_tools", "report.tar.gz");
  await packReport({ ...vm, version: "9.9.9", output, keepNames: true, nowMs: Date.now() });
  const log = (await run(["tar", "-xzOf", output, "report/agent.log"])).stdout;
  expect(log).toBe("provision 1: + [secret]\nsh: 2: [secret]: not found\n");
});

test("a config.yaml that cannot be read is told of without a line of it", async () => {
  for (const text of ["provision: [{run: hunter2 swordfish", "hunter2: swordfish\n", "cpus: opensesame\n"]) {
    await using vm = await fakeVm("boots");
    await mkdir(vm.paths.folder, { recursive: true });
    await writeFile(vm.paths.config, text);
    const output = join(vm.layout.home, "_tools", "report.tar.gz");
    await packReport({ ...vm, version: "9.9.9", output, keepNames: true, nowMs: Date.now() });
    const all = (await run(["tar", "-xzOf", output])).stdout;
    expect(all).toContain("CONFIG_INVALID");
    expect(settingsSecrets.exec(all)?.[0]).toBeUndefined();
  }
});

test("a key that a log shows is blotted out, also with names kept", async () => {
  await using vm = await fakeVm("boots");
  await mkdir(vm.paths.folder, { recursive: true });
  await writeFile(vm.paths.logs.agent, "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n");
  const output = join(vm.layout.home, "_tools", "report.tar.gz");
  await packReport({ ...vm, version: "9.9.9", output, keepNames: true, nowMs: Date.now() });
  expect((await run(["tar", "-xzOf", output, "report/agent.log"])).stdout).toBe("[private key]");
});

test("what is no file is left out of a report and said, and keeps nobody waiting", async () => {
  await using vm = await fakeVm("boots");
  await mkdir(vm.paths.folder, { recursive: true });
  const { supervisor, qemu, serial, agent } = vm.paths.logs;
  const foreign = join(vm.layout.home, "_tools/notes");
  await writeFile(foreign, "of the user's alone\n");
  await symlink(foreign, supervisor);
  await symlink(join(vm.layout.home, "_tools"), qemu);
  await mkdir(serial);
  await run(["mkfifo", agent]);
  await symlink(foreign, vm.paths.lastFailure);
  const output = join(vm.layout.home, "_tools", "report.tar.gz");
  using _nowhere = withoutTmp();
  await packReport({ ...vm, version: "9.9.9", output, keepNames: true, nowMs: Date.now() });
  const said = async (name: string): Promise<string> => (await run(["tar", "-xzOf", output, `report/${name}`])).stdout;
  expect(await said("supervisor.log")).toBe(`This was left out: ${supervisor} is a link.\n`);
  expect(await said("qemu.log")).toBe(`This was left out: ${qemu} is a link.\n`);
  expect(await said("serial.log")).toBe(`This was left out: ${serial} is no file.\n`);
  expect(await said("agent.log")).toBe(`This was left out: ${agent} is no file.\n`);
  expect(await said("last-failure.json")).toBe(`This was left out: ${vm.paths.lastFailure} is a link.\n`);
});

test("a report of a huge log holds its end, and the archive goes through no link", async () => {
  await using vm = await fakeVm("boots");
  await mkdir(vm.paths.folder, { recursive: true });
  await writeFile(vm.paths.logs.serial, `first line\n${"x".repeat(2 * 1024 ** 2)}\nlast line\n`);
  const at = (name: string): string => join(vm.layout.home, "_tools", name);
  const pack = (output: string) => packReport({ ...vm, version: "9.9.9", output, keepNames: true, nowMs: Date.now() });
  for (const target of ["nowhere", "notes"]) {
    if (target === "notes") await writeFile(at("notes"), "mine");
    await symlink(at(target), at(`${target}.tar.gz`));
    expect((await failureOf(() => pack(at(`${target}.tar.gz`)))).message).toBe(
      `${at(target)}.tar.gz is there already.`,
    );
  }
  expect([await isThere(at("nowhere")), await readFile(at("notes"), "utf8")]).toEqual([false, "mine"]);
  await pack(at("report.tar.gz"));
  expect((await run(["tar", "-xzOf", at("report.tar.gz"), "report/serial.log"])).stdout).toBe("last line\n");
});
