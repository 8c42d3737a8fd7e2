/** Mounts that qn serves itself by virtiofs, asked for by its old name (`files.driver: qn`), in a real guest. */
import { expect } from "bun:test";
import { appendFile, mkdir, readdir, readFile, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { inContainer } from "../e2e/files/where.ts";
import { bunContainer } from "../support/bun-container.ts";
import { processesLeft } from "../support/processes.ts";
import { runProgram } from "../support/program.ts";
import { bootVm, runPlain, testWithVm, type Vm, type VmTest } from "../support/vm.ts";
import { watchIn } from "../support/watching.ts";

/**
 * What Linux' FUSE refuses itself, whoever serves: it knows no fallocate(2) that moves what lies behind. docs/files.md
 * names it.
 */
const differences = ["holes: collapse: 0", "holes: insert: 0"];

async function byItself(vm: Vm): Promise<void> {
  const mounts = [{ path: homedir() }, { path: join(vm.inHome, "inner"), readOnly: true }];
  for (const { path } of mounts) await mkdir(path, { recursive: true });
  await mkdir(vm.folder, { recursive: true, mode: 0o700 });
  await Bun.write(join(vm.folder, "config.yaml"), JSON.stringify({ files: { driver: "qn" }, mounts }));
}

/** How long the host would need at most to tell of what the guest has done, and how long for it to come back. */
const echoMs = 3_000;

const inVm = testWithVm(() => bootVm({ before: byItself }));
const test: VmTest = (name, action) => inVm(name, action, 600_000);

/** The battery as one file, and what runs it in a container. */
async function battery(vm: Vm): Promise<{ readonly file: string; readonly container: readonly string[] }> {
  const file = join(vm.inHome, "battery.js");
  const entry = join(import.meta.dir, "../support/inside/posix-battery.ts");
  const built = await Bun.build({ entrypoints: [entry], target: "bun" });
  await Bun.write(file, await (built.outputs[0]?.text() ?? ""));
  return { file, container: await bunContainer(join(vm.inHome, "bun"), file) };
}

test("each mount that qn serves itself is a virtiofs, and both sides see each other's files", async (vm) => {
  const types = `findmnt -n -o FSTYPE -T "$0"`;
  const typeOf = (path: string) => vm.qn("ssh", "--", "sh", "-c", types, path);
  expect([await typeOf(vm.inHome), await typeOf(join(vm.inHome, "inner"))]).toEqual(["virtiofs", "virtiofs"]);
  await Bun.write(join(vm.inHome, "from-host"), "hello\n");
  await Bun.write(join(vm.inHome, "inner/from-host"), "inner\n");
  expect(await inContainer(vm, "", "cat /mnt/from-host; echo back >/mnt/back")).toBe("hello");
  expect(await readFile(join(vm.inHome, "back"), "utf8")).toBe("back\n");
  expect(await inContainer(vm, "inner", "cat /mnt/from-host; touch /mnt/x 2>&1 || true")).toContain("Read-only");
});

test("what the host has made, saved or removed is what a container's next look finds", async (vm) => {
  await vm.docker("run", "-d", "--name", "looks", "-v", `${vm.inHome}:/mnt`, "busybox", "sleep", "100000");
  for (let round = 1; round <= 8; round += 1) {
    await Bun.write(join(vm.inHome, round % 2 === 0 ? "edited" : `new${round}`), `${round}`);
    const name = round % 2 === 0 ? "edited" : `new${round}`;
    expect(await vm.docker("exec", "looks", "cat", `/mnt/${name}`)).toBe(`${round}`);
  }
  await vm.docker("rm", "-f", "looks");
});

test("a file that a container mounts by itself stays what it was when the host replaces it, and is the new one then", async (vm) => {
  const file = join(vm.inHome, "by-itself");
  await Bun.write(file, "old");
  await vm.docker(...runPlain, "-d", "--name", "mounts", "-v", `${file}:/x`, "busybox", "sleep", "100000");
  await Bun.write(`${file}.next`, "new");
  await rename(`${file}.next`, file);
  expect(await vm.docker("exec", "mounts", "cat", "/x")).toBe("old");
  await vm.docker("restart", "--time", "0", "mounts");
  expect(await vm.docker("exec", "mounts", "cat", "/x")).toBe("new");
  await vm.docker("rm", "-f", "mounts");
});

// The program that watches is one of x86_64.
const watchTest: VmTest = process.arch === "x64" ? test : testWithVm(undefined, { lacks: true });

watchTest("a container hears of the host's edits, sees each, and is not told what it has done itself", async (vm) => {
  const folder = join(vm.inHome, "watched");
  await Bun.write(join(folder, "file"), "one");
  await using watching = await watchIn(vm, "hears", `${folder}:/mnt`, ["/mnt"]);
  await appendFile(join(folder, "file"), " two");
  await watching.heard("1 MODIFY file", 20_000);
  for (const text of ["short", "longer than before", "equal"]) {
    await Bun.write(join(folder, "file"), text);
    expect(await vm.docker("exec", "hears", "cat", "/mnt/file")).toBe(text);
  }
  await Bun.write(join(folder, "next"), "in its place");
  await rename(join(folder, "next"), join(folder, "file"));
  expect(await vm.docker("exec", "hears", "cat", "/mnt/file")).toBe("in its place");
  // Long enough for what comes back, on a busy machine too.
  await Bun.sleep(echoMs);
  const before = watching.events().length;
  await vm.docker("exec", "hears", "sh", "-c", "echo three >>/mnt/file; echo new >/mnt/own; mkdir /mnt/dir");
  await Bun.sleep(echoMs);
  await vm.docker("exec", "hears", "true");
  await Bun.sleep(echoMs);
  const own = ["CLOSE_WRITE file", "CLOSE_WRITE own", "CREATE dir", "CREATE own", "MODIFY file", "MODIFY own"];
  expect(watching.events().slice(before).toSorted()).toEqual(own.map((event) => `1 ${event}`));
});

watchTest("a file that is watched by itself says so when the host removes it with its folder", async (vm) => {
  const folder = join(vm.inHome, "removed");
  await Bun.write(join(folder, "sub/file"), "one");
  await using watching = await watchIn(vm, "watches", `${folder}:/mnt`, ["/mnt/sub/file"]);
  await rm(join(folder, "sub"), { recursive: true });
  await watching.heard("1 ATTRIB", 20_000);
});

test("calls of POSIX give in a container on a mount what they give on the host's own file system", async (vm) => {
  const { file, container } = await battery(vm);
  for (const name of ["host", "guest"]) await mkdir(join(vm.inHome, name));
  const host = await runProgram([process.execPath, file, join(vm.inHome, "host")]);
  const mount = ["--privileged", "--volume", `${join(vm.inHome, "guest")}:/mnt`];
  const guest = await vm.docker("run", "--rm", ...mount, ...container, "/mnt");
  const expected = host.stdout.trim().split("\n");
  const found = new Set(guest.trim().split("\n"));
  expect(expected.length).toBeGreaterThan(200);
  expect(expected.filter((line) => !found.has(line))).toEqual(differences);
});

test("a container goes on when the server of its mount is killed, again and again", async (vm) => {
  await mkdir(join(vm.inHome, "load"));
  // What is missing is named, and what the shell says of it.
  const missing = "for i in $(seq 400); do grep -qx $i /mnt/all || echo missing $i; done";
  const script = `(for i in $(seq 400); do echo $i >/mnt/$i; cat /mnt/$i >>/mnt/all; done; ${missing}) 2>&1`;
  const load = inContainer(vm, "load", script);
  const workers = async (): Promise<number[]> => {
    const { stdout } = await runProgram(["pgrep", "-f", `virtiofs .*${vm.folder}/qn0.sock.* --worker`]);
    return stdout.split("\n").filter(Boolean).map(Number);
  };
  let killed = 0;
  for (let done = false; !done;) {
    done = await Promise.race([load.then(() => true), Bun.sleep(1500).then(() => false)]);
    for (const worker of done ? [] : await workers()) {
      process.kill(worker, "SIGKILL");
      killed += 1;
    }
  }
  expect(await load).toBe("");
  expect(killed).toBeGreaterThan(2);
});

test("a VM on qn's own virtiofs starts again, and leaves no process and no socket behind", async (vm) => {
  await vm.qn("restart");
  expect(await inContainer(vm, "", "cat /mnt/from-host")).toBe("hello");
  await vm.qn("down");
  expect((await readdir(vm.folder)).filter((name) => /^qn\d+\.sock/.test(name))).toEqual([]);
  expect(await processesLeft(join(vm.folder, "qn0.sock"))).toEqual([]);
});
