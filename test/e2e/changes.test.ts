/** What the host changes below a mount, as a running container hears of it, and what holds for mounts below /tmp. */
import { expect } from "bun:test";
import { appendFile, mkdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { until } from "../support/until.ts";
import { bootVm, testWithVm, type Vm } from "../support/vm.ts";
import { watchedEvents, watchProgram } from "../support/watch-program.ts";

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

/** A container that watches paths, the first one being 1. */
async function watching(
  vm: Vm,
  name: string,
  volume: string,
  paths: readonly string[],
): Promise<() => Promise<string[]>> {
  const tools = join(vm.inHome, "tools");
  await mkdir(tools, { recursive: true });
  await writeFile(join(tools, "watch"), watchProgram(), { mode: 0o755 });
  // It watches at once: what it mounts was held before it was started.
  const script = `exec /tools/watch ${paths.join(" ")} >/events`;
  const volumes = ["-v", volume, "-v", `${tools}:/tools:ro`];
  await vm.docker("run", "-d", "--name", name, ...volumes, "busybox", "sh", "-c", script);
  const events = async (): Promise<string[]> => {
    const hex = await vm.docker("exec", name, "sh", "-c", "od -An -v -tx1 /events || true");
    return watchedEvents(Buffer.from(hex.replaceAll(/\s/g, ""), "hex"));
  };
  await until("the watch", 60_000, async () =>
    (await vm.docker("exec", name, "sh", "-c", "test -s /events && echo yes || true")) === "yes" ? true : undefined,
  );
  return events;
}

/** Waits for an event and gives back all that came so far. */
async function heard(events: () => Promise<string[]>, wanted: string): Promise<string[]> {
  return await until(`the event "${wanted}"`, eventMs, async () => {
    const all = await events();
    return all.includes(wanted) ? all : undefined;
  });
}

/** How long the host would need at most to tell of what the guest has done, and how long for it to come back. */
const echoMs = 3_000;

/** What the container "hears" hears of what it does itself, in order of the alphabet. */
async function heardOfOwn(vm: Vm, events: () => Promise<string[]>, script: string): Promise<string[]> {
  const before = (await events()).length;
  await vm.docker("exec", "hears", "sh", "-c", script);
  await Bun.sleep(echoMs);
  await events();
  await Bun.sleep(echoMs);
  return (await events()).slice(before).toSorted();
}

watchTest("a container hears of edits, new files, renames and deletions on a share, and nothing echoes", async (vm) => {
  const folder = join(vm.inHome, "watched");
  await mkdir(join(folder, "sub"), { recursive: true });
  await Bun.write(join(folder, "sub/file"), "one");
  const events = await watching(vm, "hears", `${folder}:/mnt`, ["/mnt", "/mnt/sub", "/mnt/sub/file"]);
  await appendFile(join(folder, "sub/file"), " two");
  const { mtimeMs } = await stat(join(folder, "sub/file"));
  await heard(events, "2 MODIFY file");
  await heard(events, "3 MODIFY");
  expect(await vm.docker("exec", "hears", "cat", "/mnt/sub/file")).toBe("one two");
  // What is written right before a command is there for it, in the same file and in one that takes its place.
  for (const text of ["short", "longer than before", "equal"]) {
    await Bun.write(join(folder, "sub/file"), text);
    expect(await vm.docker("exec", "hears", "cat", "/mnt/sub/file")).toBe(text);
  }
  await Bun.write(join(folder, "sub/other"), "in its place");
  await rename(join(folder, "sub/other"), join(folder, "sub/file"));
  expect(await vm.docker("exec", "hears", "cat", "/mnt/sub/file")).toBe("in its place");
  await Bun.write(join(folder, "new"), "new");
  await heard(events, "1 MODIFY new");
  await rename(join(folder, "new"), join(folder, "renamed"));
  await heard(events, "1 MODIFY renamed");
  const before = (await events()).filter((line) => line === "1 ATTRIB").length;
  await rm(join(folder, "renamed"));
  await until("the folder's event", eventMs, async () =>
    (await events()).filter((line) => line === "1 ATTRIB").length > before ? true : undefined,
  );
  await mkdir(join(folder, "made"));
  await heard(events, "1 ATTRIB made");
  expect((await stat(join(folder, "sub/file"))).mtimeMs).toBeGreaterThan(mtimeMs);
  // What the guest does itself, its own kernel tells; the host does not tell it again.
  expect(await heardOfOwn(vm, events, "echo three >>/mnt/sub/file; echo new >/mnt/sub/own; mkdir /mnt/dir")).toEqual([
    "1 CREATE dir",
    "2 CLOSE_WRITE file",
    "2 CLOSE_WRITE own",
    "2 CREATE own",
    "2 MODIFY file",
    "2 MODIFY own",
    "3 CLOSE_WRITE",
    "3 MODIFY",
  ]);
  expect(await heardOfOwn(vm, events, "mv /mnt/sub/own /mnt/moved; echo in >/mnt/dir/file")).toEqual([
    "1 MOVED_TO moved",
    "2 MOVED_FROM own",
  ]);
  expect(
    await heardOfOwn(vm, events, "rm -r /mnt/dir; chmod 600 /mnt/moved; rm /mnt/moved; touch /mnt/sub/file"),
  ).toEqual(["1 ATTRIB moved", "1 DELETE dir", "1 DELETE moved", "2 ATTRIB file", "3 ATTRIB"]);
  await vm.docker("rm", "-f", "hears");
});

watchTest("a container hears of changes in a read-only share too", async (vm) => {
  const folder = fixedOf(vm);
  const events = await watching(vm, "fixed-hears", `${folder}:/mnt`, ["/mnt", "/mnt/file"]);
  const refused = await vm.fail(["docker", "exec", "fixed-hears", "touch", "/mnt/file"]);
  expect(refused.stderr).toContain("Read-only file system");
  await appendFile(join(folder, "file"), " two");
  await heard(events, "2 ATTRIB");
  await heard(events, "1 ATTRIB file");
  expect(await vm.docker("exec", "fixed-hears", "cat", "/mnt/file")).toBe("one two");
  await Bun.write(join(folder, "new"), "new");
  await heard(events, "1 ATTRIB new");
  const ofNew = async (): Promise<number> => (await events()).filter((line) => line === "1 ATTRIB new").length;
  const before = await ofNew();
  await rm(join(folder, "new"));
  await until("the event of what is gone", eventMs, async () => ((await ofNew()) > before ? true : undefined));
  await vm.docker("rm", "-f", "fixed-hears");
});

watchTest(
  "a container hears of changes below /tmp, also if it may only read, and reads what is there now",
  async (vm) => {
    const folder = join(vm.inTmp, "watched");
    await mkdir(folder);
    await Bun.write(join(folder, "file"), "one");
    const events = await watching(vm, "tmp-hears", `${folder}:/mnt:ro`, ["/mnt"]);
    await Bun.write(join(folder, "next"), "two");
    const saved = await stat(join(folder, "next"), { bigint: true });
    await rename(join(folder, "next"), join(folder, "file"));
    await heard(events, "1 MODIFY file");
    expect(await vm.docker("exec", "tmp-hears", "cat", "/mnt/file")).toBe("two");
    expect((await stat(join(folder, "file"), { bigint: true })).mtimeNs).toBe(saved.mtimeNs);
    await vm.docker("rm", "-f", "tmp-hears");
  },
);

test("an entry of /tmp that a running container holds is the new one for the next container", async (vm) => {
  const file = `${vm.inTmp}.held`;
  try {
    await Bun.write(file, "old");
    await vm.docker("run", "-d", "--name", "holds", "-v", `${file}:/x`, "busybox", "sleep", "1000");
    await Bun.write(`${file}.new`, "new");
    await rename(`${file}.new`, file);
    expect(await vm.docker("run", "--rm", "-v", `${file}:/x`, "busybox", "cat", "/x")).toBe("new");
    // A folder of the file, and a file of the folder, while containers hold what was there before.
    await rm(file);
    await Bun.write(join(file, "inside/deep"), "a folder now");
    const hold = (name: string, path: string) =>
      vm.docker("run", "-d", "--name", name, "-v", `${path}:/x`, "busybox", "sleep", "1000");
    await hold("holds-folder", file);
    expect(await vm.docker("exec", "holds-folder", "cat", "/x/inside/deep")).toBe("a folder now");
    await rm(file, { recursive: true });
    await Bun.write(file, "a file again");
    expect(await vm.docker("run", "--rm", "-v", `${file}:/x`, "busybox", "cat", "/x")).toBe("a file again");
    await vm.docker("rm", "-f", "holds", "holds-folder");
    expect(await vm.docker("run", "--rm", "-v", `${file}:/x`, "busybox", "cat", "/x")).toBe("a file again");
    // The same below an entry.
    await rm(file);
    await mkdir(join(file, "deep"), { recursive: true });
    await hold("holds-deep", join(file, "deep"));
    await rm(join(file, "deep"), { recursive: true });
    await Bun.write(join(file, "deep"), "a file in it");
    expect(await vm.docker("run", "--rm", "-v", `${file}/deep:/x`, "busybox", "cat", "/x")).toBe("a file in it");
    await vm.docker("rm", "-f", "holds-deep");
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
    expect(await vm.docker("run", "--rm", "--mount", mount, "busybox", "cat", "/x/file")).toBe("there");
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
    expect(await vm.docker("run", "--rm", ...volumes, "busybox", "sh", "-c", kinds)).toBe("both");
    // What the host deletes is not mounted any more once no container has it.
    const mounted = async () => Number(await asRoot(`grep -c ${vm.inTmp}.composed /proc/self/mountinfo || true`));
    expect(await mounted()).toBe(1);
    await vm.docker("rm", "composed");
    await rm(composed, { recursive: true });
    await vm.docker("run", "--rm", "busybox", "true");
    await until("the mount to go", 20_000, async () => ((await mounted()) === 0 ? true : undefined));
  } finally {
    for (const path of [there, composed]) await rm(path, { recursive: true, force: true });
  }
});

test("with files.missing: create a source that no share covers is the guest's own folder, and the host gets none", async (vm) => {
  const nowhere = `/opt/${basename(vm.inTmp)}/deep`;
  const run = (...words: string[]) => vm.docker("run", "--rm", "-v", `${nowhere}:/x`, "busybox", ...words);
  await run("touch", "/x/made");
  expect(await run("ls", "/x")).toBe("made");
  expect(await vm.qn("ssh", "--", "ls", nowhere)).toBe("made");
  await expect(stat(nowhere)).rejects.toThrow("ENOENT");
});

test("files that are made in /tmp and mounted at once have the right contents", async (vm) => {
  for (const name of ["a", "b", "c"]) {
    const file = `${vm.inTmp}.race-${name}`;
    try {
      await Bun.write(file, `content ${name}`);
      expect(await vm.docker("run", "--rm", "-v", `${file}:/x`, "busybox", "cat", "/x")).toBe(`content ${name}`);
    } finally {
      await rm(file, { force: true });
    }
  }
});
