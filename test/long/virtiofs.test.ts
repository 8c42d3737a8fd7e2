/** Shares that virtiofsd serves. Skipped without virtiofsd 1.0 or newer in PATH, where distributions put it, or in QN_VIRTIOFSD. */
import { expect } from "bun:test";
import { appendFile, mkdir, readdir, rename, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { inContainer } from "../e2e/files/where.ts";
import { hasVirtiofsd } from "../support/virtiofsd.ts";
import { bootVm, testWithVm, type Vm, type VmTest } from "../support/vm.ts";
import { watchIn } from "../support/watching.ts";

async function byVirtiofs(vm: Vm): Promise<void> {
  const at = (name: string): string => join(vm.inHome, name);
  const mounts = [
    { path: homedir() },
    { path: at("outer") },
    { path: at("outer/inner"), readOnly: true },
    { path: at("mapped"), security: "mapped-xattr" },
    { path: at("with space, comma and 'quote'") },
  ];
  for (const { path } of mounts) await mkdir(path, { recursive: true });
  await mkdir(vm.folder, { recursive: true, mode: 0o700 });
  await Bun.write(join(vm.folder, "config.yaml"), JSON.stringify({ files: { driver: "virtiofs" }, mounts }));
}

const inVm = testWithVm(() => bootVm({ before: byVirtiofs }), { lacks: !(await hasVirtiofsd()) });
const test: VmTest = (name, action) => inVm(name, action, 600_000);

test("each share is a virtiofs of its own, but /tmp and what maps owners, and both sides see each other's files", async (vm) => {
  const types = `findmnt -n -o FSTYPE -T "$0"`;
  const typeOf = (path: string) => vm.qn("ssh", "--", "sh", "-c", types, path);
  const folders = ["", "outer", "outer/inner", "with space, comma and 'quote'", "mapped"];
  const found = await Promise.all(folders.map((name) => typeOf(join(vm.inHome, name))));
  expect([...found, await typeOf("/run/qn/tmp")]).toEqual([...folders.slice(1).map(() => "virtiofs"), "9p", "9p"]);
  for (const name of folders) {
    await Bun.write(join(vm.inHome, name, "from-host"), `${name}\n`);
    const script = name === "outer/inner" ? "cat /mnt/from-host" : "cat /mnt/from-host; echo back >/mnt/back";
    expect(await inContainer(vm, name, script)).toBe(name);
    if (name !== "outer/inner") expect(await Bun.file(join(vm.inHome, name, "back")).text()).toBe("back\n");
  }
  expect((await stat(join(vm.inHome, "outer/back"))).uid).toBe(process.getuid?.() ?? -1);
});

test("a read-only share of virtiofs is read-only, for root in the guest too", async (vm) => {
  const inner = join(vm.inHome, "outer/inner");
  expect(await inContainer(vm, "outer/inner", "touch /mnt/made 2>&1 || true")).toContain("Read-only file system");
  const refused = await vm.fail([
    "qn",
    "ssh",
    "--",
    "sh",
    "-c",
    `sudo mount -o remount,rw "$0"; sudo touch "$0/made"`,
    inner,
  ]);
  expect(refused.stderr).toContain("Read-only file system");
  expect(await readdir(inner)).toEqual(["from-host"]);
});

test("a container on virtiofs sees the edit that was made right before it", async (vm) => {
  const folder = join(vm.inHome, "outer/edited");
  await Bun.write(join(folder, "file"), "0");
  await vm.docker("run", "-d", "--name", "reads", "-v", `${folder}:/mnt`, "busybox", "sleep", "100000");
  for (let round = 1; round <= 6; round += 1) {
    await Bun.write(join(folder, "next"), `${round}`);
    if (round % 2 === 0) await rename(join(folder, "next"), join(folder, "file"));
    else await Bun.write(join(folder, "file"), `${round}`);
    expect(await vm.docker("exec", "reads", "cat", "/mnt/file")).toBe(`${round}`);
  }
  await vm.docker("rm", "-f", "reads");
});

// The program that watches is one of x86_64.
const onX64 = process.arch === "x64" ? test : testWithVm(undefined, { lacks: true });

onX64("an edit of the host's in a share of virtiofs is heard of in a container", async (vm) => {
  const folder = join(vm.inHome, "outer/edited");
  await Bun.write(join(folder, "file"), "0");
  await using watching = await watchIn(vm, "hears", `${folder}:/mnt`, ["/mnt"]);
  await appendFile(join(folder, "file"), "more");
  await watching.heard("1 MODIFY file", 20_000);
});

test("a program maps a file of virtiofs and writes through the map, and five thousand files come whole", async (vm) => {
  const script = `cd /mnt; for i in $(seq 5000); do echo $i >$i; done; cat * | wc -l; ls | wc -l`;
  await mkdir(join(vm.inHome, "outer/many"));
  expect(await inContainer(vm, "outer/many", script)).toBe("5000\n5000");
  expect((await readdir(join(vm.inHome, "outer/many"))).length).toBe(5000);
});

test("a VM on virtiofs starts again, and leaves no daemon behind", async (vm) => {
  await vm.qn("restart");
  expect(await inContainer(vm, "outer", "cat /mnt/from-host")).toBe("outer");
  await vm.qn("down");
  expect((await readdir(vm.folder)).filter((name) => /^qn\d+\.sock/.test(name))).toEqual([]);
  const left = await vm.fail(["pgrep", "-f", vm.folder]);
  expect(left.stdout).toBe("");
});
