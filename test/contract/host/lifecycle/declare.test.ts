/** VMs that are declared elsewhere: a service manager starts the supervisor with their settings. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { chmod, mkdir, readFile, readlink, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { prepareVm } from "../../../../src/host/vm/prepare.ts";
import { ownArch } from "../../../../src/system/platform.ts";
import { failureOf } from "../../../support/failures.ts";
import { type FakeVm, fakeVm, programsMs, stateOf } from "../../../support/fake-vm.ts";
import { repository } from "../../../support/program.ts";

setDefaultTimeout(programsMs);

/** What a Nix store would hold: an image's folder that cannot be written to, and settings that name it. */
async function store(vm: FakeVm): Promise<{ image: string; settings: string }> {
  const image = join(vm.layout.home, "_store", "image");
  await mkdir(join(image, ".."));
  await rename(vm.layout.image("debian", ownArch()), image);
  await chmod(image, 0o555);
  const settings = join(vm.layout.home, "_store", "web.json");
  await writeFile(settings, JSON.stringify({ image, mounts: [], cpus: 1, memoryMiB: 512, diskGiB: 2 }));
  return { image, settings };
}

/** The supervisor as a service manager runs it, with or without settings of the manager's. */
function service(vm: FakeVm, settings?: string) {
  const command = [process.execPath, join(repository, "src/main.ts"), "supervise", "default", "--service"];
  return Bun.spawn([...command, ...(settings === undefined ? [] : ["--settings", settings])], {
    env: { ...vm.env, QN_HOME: vm.layout.home },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
}

test("a declared VM is made, runs with the declared settings on an image of the store, and ends with its service", async () => {
  await using vm = await fakeVm("boots");
  const { image, settings } = await store(vm);
  const supervisor = service(vm, settings);
  await supervisor.stdout.getReader().read();
  expect(await vm.up()).toMatch(/^(joined|running)$/);
  expect(await readlink(vm.paths.config)).toBe(settings);
  expect((await stateOf(vm)).state).toBe("running");
  expect(await readFile(vm.paths.logs.supervisor, "utf8")).toContain("supervisor of default starts");
  const { image: used } = await prepareVm(vm.layout, vm.paths, vm.env);
  expect(used.folder).toBe(image);
  expect(await readFile(`${vm.paths.systemDisk}.origin`, "utf8")).toBe(used.manifest.disk.sha256);
  supervisor.kill("SIGTERM");
  expect(await supervisor.exited).toBe(0);
  await chmod(image, 0o755);
});

test("a service that declares nothing, such as Homebrew's, needs the VM, and says what it does in the VM's own log", async () => {
  await using vm = await fakeVm("boots");
  const early = service(vm);
  expect([await early.exited, await new Response(early.stderr).text()]).toEqual([
    4,
    expect.stringContaining('There is no VM "default".'),
  ]);
  await mkdir(vm.paths.folder);
  await writeFile(vm.paths.config, "{ mounts: [], cpus: 1, memoryMiB: 512, diskGiB: 2 }\n");
  const supervisor = service(vm);
  await supervisor.stdout.getReader().read();
  expect(await vm.up()).toMatch(/^(joined|running)$/);
  supervisor.kill("SIGTERM");
  expect([await supervisor.exited, await new Response(supervisor.stderr).text()]).toEqual([0, ""]);
  expect(await readFile(vm.paths.logs.supervisor, "utf8")).toContain("supervisor of default starts");
});

test("a VM whose settings a person wrote is not taken over", async () => {
  await using vm = await fakeVm("boots");
  const { image, settings } = await store(vm);
  await mkdir(vm.paths.folder);
  await writeFile(vm.paths.config, "cpus: 2\n");
  const supervisor = service(vm, settings);
  expect([await supervisor.exited, await new Response(supervisor.stderr).text()]).toEqual([
    5,
    expect.stringContaining("config.yaml has settings of its own"),
  ]);
  expect(await readFile(vm.paths.config, "utf8")).toBe("cpus: 2\n");
  await chmod(image, 0o755);
});

test("an image that is named by its folder has to be there, and of the VM's architecture", async () => {
  await using vm = await fakeVm("boots");
  const { image } = await store(vm);
  const other = ownArch() === "x86_64" ? "aarch64" : "x86_64";
  const manifest = join(image, "image.json");
  await chmod(image, 0o755);
  await writeFile(manifest, (await readFile(manifest, "utf8")).replace(`"${ownArch()}"`, `"${other}"`));
  for (const [path, words] of [
    ["/nowhere", `There is no image "/nowhere" for ${ownArch()}.`],
    [image, `There is no image "${image}" for ${ownArch()}.`],
  ] as const) {
    const { code, message } = await failureOf(() =>
      prepareVm(vm.layout, vm.paths, vm.env, { image: path, mounts: [] }),
    );
    expect([code, message]).toEqual(["IMAGE_MISSING", words]);
  }
});
