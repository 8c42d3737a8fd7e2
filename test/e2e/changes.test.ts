/** What the host changes below a mount, as a running container hears of it, and what holds for mounts below /tmp. */
import { expect } from "bun:test";
import { appendFile, mkdir, rename, rm, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, join } from "node:path";
import { until } from "../support/until.ts";
import { bootVm, runPlain, testWithVm, type Vm } from "../support/vm.ts";
import { type Watching, watchIn } from "../support/watching.ts";

/** A folder in the home folder that is a read-only share of its own, by a flag of `qn up`. */
const fixedOf = (vm: Vm): string => join(vm.inHome, "fixed");

/** What is to be shared, and settings by which Docker makes what no share covers. */
async function prepare(vm: Vm): Promise<void> {
  await Bun.write(join(fixedOf(vm), "file"), "one");
  await mkdir(vm.folder, { recursive: true, mode: 0o700 });
  await Bun.write(join(vm.folder, "config.yaml"), JSON.stringify({ files: { missing: "create" } }));
}

const flags = (vm: Vm): string[] => ["--mount", `${fixedOf(vm)}:ro`];
const test = testWithVm(() => bootVm({ before: prepare, flags }));

/** The program that watches runs on x86_64 only: elsewhere these tests are not there, and not counted as passed. */
const watchTest = process.arch === "x64" ? test : (): void => {};

/** Events come within a second on a machine that is not emulated; this one may have two VMs on two processors. */
const eventMs = 20_000;

/** How long the host would need at most to tell of what the guest has done, and how long for it to come back. */
const echoMs = 3_000;

/**
 * Whether a watch of one file by itself is one of what is at its name, whatever that is: so with 9p, whose files are
 * paths. With virtiofs it ends with the file, as on one machine.
 */
async function watchesNames(vm: Vm): Promise<boolean> {
  const { mounts } = JSON.parse(await vm.qn("mounts", "--json")) as { mounts: { path: string; driver: string }[] };
  return mounts.find(({ path }) => path === homedir())?.driver === "9p";
}

/** Waits until what the host has changed has been told, and forgets it: what is heard next is of the next change. */
async function forgetAll(watching: Watching): Promise<void> {
  await Bun.sleep(echoMs);
  watching.forget();
}

/** What the container "hears" hears of what it does itself, in order of the alphabet. */
async function heardOfOwn(vm: Vm, watching: Watching, script: string): Promise<string[]> {
  const before = watching.events().length;
  await vm.docker("exec", "hears", "sh", "-c", script);
  await Bun.sleep(echoMs);
  // A command hears of all that the host has changed before.
  await vm.docker("exec", "hears", "true");
  await Bun.sleep(echoMs);
  return watching.events().slice(before).toSorted();
}

watchTest("a container hears of edits, new files, renames and deletions on a share, and nothing echoes", async (vm) => {
  const folder = join(vm.inHome, "watched");
  await mkdir(join(folder, "sub"), { recursive: true });
  await Bun.write(join(folder, "sub/file"), "one");
  await using watching = await watchIn(vm, "hears", `${folder}:/mnt`, ["/mnt", "/mnt/sub", "/mnt/sub/file"]);
  await appendFile(join(folder, "sub/file"), " two");
  const { mtimeMs } = await stat(join(folder, "sub/file"));
  await watching.heard("2 MODIFY file", eventMs);
  await watching.heard("3 MODIFY", eventMs);
  expect(await vm.docker("exec", "hears", "cat", "/mnt/sub/file")).toBe("one two");
  // What is written right before a command is there for it, in the same file and in one that takes its place.
  for (const text of ["short", "longer than before", "equal"]) {
    await Bun.write(join(folder, "sub/file"), text);
    expect(await vm.docker("exec", "hears", "cat", "/mnt/sub/file")).toBe(text);
  }
  await Bun.write(join(folder, "sub/other"), "in its place");
  await rename(join(folder, "sub/other"), join(folder, "sub/file"));
  expect(await vm.docker("exec", "hears", "cat", "/mnt/sub/file")).toBe("in its place");
  const still = (await watchesNames(vm)) ? ["3 CLOSE_WRITE", "3 MODIFY"] : [];
  for (const event of still.length > 0 ? still : ["3 ATTRIB", "3 DELETE_SELF", "3 IGNORED"])
    await watching.heard(event, eventMs);
  await Bun.write(join(folder, "new"), "new");
  await watching.heard("1 MODIFY new", eventMs);
  await rename(join(folder, "new"), join(folder, "renamed"));
  await watching.heard("1 MODIFY renamed", eventMs);
  await forgetAll(watching);
  await rm(join(folder, "renamed"));
  await watching.heard("1 ATTRIB", eventMs);
  await mkdir(join(folder, "made"));
  await watching.heard("1 ATTRIB made", eventMs);
  expect((await stat(join(folder, "sub/file"))).mtimeMs).toBeGreaterThan(mtimeMs);
  // Events of the folder itself may still be on their way.
  await Bun.sleep(echoMs);
  // What the guest does itself, its own kernel tells; the host does not tell it again.
  expect(await heardOfOwn(vm, watching, "echo three >>/mnt/sub/file; echo new >/mnt/sub/own; mkdir /mnt/dir")).toEqual([
    "1 CREATE dir",
    "2 CLOSE_WRITE file",
    "2 CLOSE_WRITE own",
    "2 CREATE own",
    "2 MODIFY file",
    "2 MODIFY own",
    ...still,
  ]);
  // What is gone again, or is another file, when the host tells of it.
  const again =
    "for each in $(seq 15); do echo new >/mnt/sub/brief; mkdir /mnt/b$each; rm /mnt/sub/brief; done; rmdir /mnt/b*";
  expect((await heardOfOwn(vm, watching, again)).filter((event) => event.includes("ATTRIB"))).toEqual([]);
  expect(await heardOfOwn(vm, watching, "mv /mnt/sub/own /mnt/moved; echo in >/mnt/dir/file")).toEqual([
    "1 MOVED_TO moved",
    "2 MOVED_FROM own",
  ]);
  expect(
    await heardOfOwn(vm, watching, "rm -r /mnt/dir; chmod 600 /mnt/moved; rm /mnt/moved; touch /mnt/sub/file"),
  ).toEqual([
    "1 ATTRIB moved",
    "1 DELETE dir",
    "1 DELETE moved",
    "2 ATTRIB file",
    ...still.slice(0, 1).map(() => "3 ATTRIB"),
  ]);
});

watchTest("a container hears of changes in a read-only share too", async (vm) => {
  const folder = fixedOf(vm);
  await using watching = await watchIn(vm, "fixed-hears", `${folder}:/mnt`, ["/mnt", "/mnt/file"]);
  const refused = await vm.fail(["docker", "exec", "fixed-hears", "touch", "/mnt/file"]);
  expect(refused.stderr).toContain("Read-only file system");
  await appendFile(join(folder, "file"), " two");
  // A folder's watch hears of an event before the file's own (inotify(7) does not say so, the kernel does so).
  await watching.heard("1 ATTRIB file", eventMs);
  await watching.heard("2 ATTRIB", eventMs);
  expect(await vm.docker("exec", "fixed-hears", "cat", "/mnt/file")).toBe("one two");
  await Bun.write(join(folder, "new"), "new");
  await watching.heard("1 ATTRIB new", eventMs);
  await forgetAll(watching);
  await rm(join(folder, "new"));
  await watching.heard("1 ATTRIB new", eventMs);
});

watchTest(
  "a container hears of changes below /tmp, also if it may only read, and reads what is there now",
  async (vm) => {
    const folder = join(vm.inTmp, "watched");
    await mkdir(folder);
    await Bun.write(join(folder, "file"), "one");
    await using watching = await watchIn(vm, "tmp-hears", `${folder}:/mnt:ro`, ["/mnt"]);
    await Bun.write(join(folder, "next"), "two");
    const saved = await stat(join(folder, "next"), { bigint: true });
    await rename(join(folder, "next"), join(folder, "file"));
    await watching.heard("1 MODIFY file", eventMs);
    expect(await vm.docker("exec", "tmp-hears", "cat", "/mnt/file")).toBe("two");
    expect((await stat(join(folder, "file"), { bigint: true })).mtimeNs).toBe(saved.mtimeNs);
  },
);

test("an entry of /tmp that a running container holds is the new one for the next container", async (vm) => {
  const file = `${vm.inTmp}.held`;
  try {
    await Bun.write(file, "old");
    await vm.docker(...runPlain, "-d", "--name", "holds", "-v", `${file}:/x`, "busybox", "sleep", "1000");
    await Bun.write(`${file}.new`, "new");
    await rename(`${file}.new`, file);
    expect(await vm.docker(...runPlain, "--rm", "-v", `${file}:/x`, "busybox", "cat", "/x")).toBe("new");
    await vm.docker("rm", "-f", "holds");
  } finally {
    await rm(file, { recursive: true, force: true });
  }
});

test("every way to ask for a mount below /tmp gets the host's, what the guest itself has there stays, and what is gone goes", async (vm) => {
  const [there, composed] = [`${vm.inTmp}.there`, `${vm.inTmp}.composed`];
  const unix = join(vm.folder, "docker.sock");
  const asRoot = (script: string) => vm.qn("ssh", "--", "sudo", "sh", "-c", script);
  try {
    await Bun.write(join(there, "file"), "there");
    const mount = `type=bind,source=${there},target=/x`;
    expect(await vm.docker(...runPlain, "--rm", "--mount", mount, "busybox", "cat", "/x/file")).toBe("there");
    const nowhere = `${vm.inTmp}.nowhere`;
    const missing = ["--mount", `type=bind,source=${nowhere},target=/x`, "busybox", "true"];
    const { stderr } = await vm.fail(["docker", "run", "--rm", ...missing]);
    expect(stderr).toContain(`bind source path does not exist: ${nowhere}`);
    await expect(stat(nowhere)).rejects.toThrow("ENOENT");
    // As compose asks for a folder that need not be there, through the API.
    const BindOptions = { CreateMountpoint: true };
    const Mounts = [{ Type: "bind", Source: composed, Target: "/x", BindOptions }];
    const body = JSON.stringify({ Image: "busybox", Cmd: ["touch", "/x/made"], HostConfig: { Mounts } });
    const headers = { "content-type": "application/json" };
    const answer = await fetch("http://docker/containers/create?name=composed", {
      unix,
      method: "POST",
      headers,
      body,
    });
    expect(answer.status).toBe(201);
    await vm.docker("start", "--attach", "composed");
    expect(await Bun.file(join(composed, "made")).exists()).toBe(true);
    // A socket and a pipe that the guest has made in its own /tmp.
    const [pipe, socket] = [`${vm.inTmp}.pipe`, `${vm.inTmp}.socket`];
    const own = `mkfifo ${pipe}; BUN_BE_BUN=1 /usr/local/bin/qn -e "
      require('net').createServer().listen('${socket}', () => process.kill(process.pid, 'SIGKILL'))" || test -S ${socket}`;
    await asRoot(own);
    const volumes = ["-v", `${pipe}:/pipe`, "-v", `${socket}:/socket`];
    const kinds = "test -p /pipe && test -S /socket && echo both";
    expect(await vm.docker(...runPlain, "--rm", ...volumes, "busybox", "sh", "-c", kinds)).toBe("both");
    // What the host deletes is not mounted any more once no container has it.
    const mounted = async () => Number(await asRoot(`grep -c ${vm.inTmp}.composed /proc/self/mountinfo || true`));
    expect(await mounted()).toBe(1);
    await vm.docker("rm", "composed");
    await rm(composed, { recursive: true });
    await vm.docker(...runPlain, "--rm", "busybox", "true");
    await until("the mount to go", 20_000, async () => ((await mounted()) === 0 ? true : undefined));
  } finally {
    for (const path of [there, composed]) await rm(path, { recursive: true, force: true });
  }
});

test("with files.missing: create a source that no share covers is the guest's own folder, and the host gets none", async (vm) => {
  const nowhere = `/opt/${basename(vm.inTmp)}/deep`;
  const run = (...words: string[]) => vm.docker(...runPlain, "--rm", "-v", `${nowhere}:/x`, "busybox", ...words);
  await run("touch", "/x/made");
  expect(await run("ls", "/x")).toBe("made");
  expect(await vm.qn("ssh", "--", "ls", nowhere)).toBe("made");
  await expect(stat(nowhere)).rejects.toThrow("ENOENT");
});
