/** What the host changes below a mount, as a running container hears of it, and what holds for mounts below /tmp. */
import { expect } from "bun:test";
import { appendFile, mkdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { until } from "../support/until.ts";
import { testWithVm, type Vm } from "../support/vm.ts";
import { watchedEvents, watchProgram } from "../support/watch-program.ts";

const test = testWithVm();

/** The program that watches runs on x86_64 only: elsewhere these tests are not there, and not counted as passed. */
const watchTest = process.arch === "x64" ? test : (): void => {};

/** Events come within a second on a machine that is not emulated; this one may have two VMs on two processors. */
const eventMs = 20_000;

/** A container that watches paths, the first one being 1. */
async function watching(
  vm: Vm,
  name: string,
  mount: string,
  paths: readonly string[],
): Promise<() => Promise<string[]>> {
  const tools = join(vm.inHome, "tools");
  await mkdir(tools, { recursive: true });
  await writeFile(join(tools, "watch"), watchProgram(), { mode: 0o755 });
  // It watches at once: what it mounts was held before it was started.
  const script = `exec /tools/watch ${paths.join(" ")} >/events`;
  const volumes = ["-v", `${mount}:/mnt`, "-v", `${tools}:/tools:ro`];
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

watchTest("a container hears of edits, new files, renames and deletions on a share, and nothing echoes", async (vm) => {
  const folder = join(vm.inHome, "watched");
  await mkdir(join(folder, "sub"), { recursive: true });
  await Bun.write(join(folder, "sub/file"), "one");
  const events = await watching(vm, "hears", folder, ["/mnt", "/mnt/sub", "/mnt/sub/file"]);
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
  // A change by the guest itself: its own event, at most one from the host, and then there is silence.
  await vm.docker("exec", "hears", "sh", "-c", "echo three >>/mnt/sub/file");
  await Bun.sleep(3_000);
  const settled = await events();
  expect(settled.filter((line) => line === "2 MODIFY file").length).toBeLessThanOrEqual(12);
  await Bun.sleep(3_000);
  expect(await events()).toEqual(settled);
  expect((await stat(join(folder, "sub/file"))).mtimeMs).toBeGreaterThan(mtimeMs);
  await vm.docker("rm", "-f", "hears");
});

watchTest("a container hears of changes below /tmp, and reads what is there now", async (vm) => {
  const folder = join(vm.inTmp, "watched");
  await mkdir(folder);
  await Bun.write(join(folder, "file"), "one");
  const events = await watching(vm, "tmp-hears", folder, ["/mnt"]);
  await Bun.write(join(folder, "next"), "two");
  const saved = await stat(join(folder, "next"), { bigint: true });
  await rename(join(folder, "next"), join(folder, "file"));
  await heard(events, "1 MODIFY file");
  expect(await vm.docker("exec", "tmp-hears", "cat", "/mnt/file")).toBe("two");
  expect((await stat(join(folder, "file"), { bigint: true })).mtimeNs).toBe(saved.mtimeNs);
  await vm.docker("rm", "-f", "tmp-hears");
});

test("an entry of /tmp that a running container holds is the new one for the next container", async (vm) => {
  const file = `${vm.inTmp}.held`;
  try {
    await Bun.write(file, "old");
    await vm.docker("run", "-d", "--name", "holds", "-v", `${file}:/x`, "busybox", "sleep", "1000");
    await Bun.write(`${file}.new`, "new");
    await rename(`${file}.new`, file);
    expect(await vm.docker("run", "--rm", "-v", `${file}:/x`, "busybox", "cat", "/x")).toBe("new");
    await rm(file);
    await mkdir(file);
    const refused = await vm.fail(["docker", "run", "--rm", "-v", `${file}:/x`, "busybox", "true"]);
    expect(refused.stderr).toContain("it was a file before, which a running container still holds");
    await vm.docker("rm", "-f", "holds");
    await Bun.write(join(file, "inside"), "a folder now");
    expect(await vm.docker("run", "--rm", "-v", `${file}:/x`, "busybox", "cat", "/x/inside")).toBe("a folder now");
  } finally {
    await rm(file, { recursive: true, force: true });
  }
});

test("files that are made in /tmp and mounted at once have the right contents", async (vm) => {
  for (const name of ["a", "b", "c", "d", "e", "f"]) {
    const file = `${vm.inTmp}.race-${name}`;
    try {
      await Bun.write(file, `content ${name}`);
      expect(await vm.docker("run", "--rm", "-v", `${file}:/x`, "busybox", "cat", "/x")).toBe(`content ${name}`);
    } finally {
      await rm(file, { force: true });
    }
  }
});

test("a container with a restart policy finds its mount below /tmp after a restart of the guest", async (vm) => {
  const folder = join(vm.inTmp, "restarts");
  await mkdir(folder);
  await vm.docker(
    "run",
    "-d",
    "--name",
    "always",
    "--restart=always",
    "-v",
    `${folder}:/x`,
    "busybox",
    "sleep",
    "1000",
  );
  await vm.qn("restart");
  await Bun.write(join(folder, "file"), "from the host");
  expect(await vm.docker("exec", "always", "cat", "/x/file")).toBe("from the host");
  await vm.docker("rm", "-f", "always");
});
