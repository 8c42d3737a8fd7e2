/** How soon a container hears of the host's edits, what it reads right after them, in /tmp too, and what watching costs at rest. */
import { expect } from "bun:test";
import { appendFile, mkdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { quantile } from "../bench/figures.ts";
import { playRaces } from "../support/races.ts";
import { freePort, until } from "../support/until.ts";
import { runPlain, testWithVm, type Vm, type VmTest } from "../support/vm.ts";
import { watchIn } from "../support/watching.ts";

const inVm = testWithVm();
const test: VmTest = (name, action, limitMs = 1_200_000) => inVm(name, action, limitMs);

/** The program that watches runs on x86_64 only. */
const watchTest = process.arch === "x64" ? test : (): void => {};

/** Clock ticks in a second, as Linux counts processor time for programs. */
const ticksPerSecond = 100;

/** Seconds of processor time that supervisor, QEMU and the agent have had. */
async function spent(vm: Vm): Promise<Record<string, number>> {
  const { supervisor, qemu } = await vm.status();
  const read = `cat /proc/$(systemctl show -P MainPID qn-agent)/stat`;
  const texts = {
    supervisor: await readFile(`/proc/${supervisor.pid ?? 0}/stat`, "utf8"),
    qemu: await readFile(`/proc/${qemu.pid ?? 0}/stat`, "utf8"),
    agent: await vm.qn("ssh", "--", "sh", "-c", read),
  };
  return Object.fromEntries(
    Object.entries(texts).map(([name, text]) => {
      const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
      return [name, (Number(fields[11]) + Number(fields[12])) / ticksPerSecond];
    }),
  );
}

watchTest("a container hears of an edit within a second", async (vm) => {
  const folder = join(vm.inHome, "heard");
  await mkdir(folder);
  for (const name of ["a", "b", "c", "d", "e"]) await Bun.write(join(folder, name), "");
  // Held by the guest before the watch begins, as in the test of the events themselves.
  await vm.docker("run", "-d", "--name", "holder", "-v", `${folder}:/mnt`, "busybox", "sleep", "100000");
  await Bun.sleep(3_000);
  await using watching = await watchIn(vm, "hears", `${folder}:/mnt`, ["/mnt"]);
  const delaysMs: number[] = [];
  for (let round = 0; round < 60; round += 1) {
    const name = "abcde"[round % 5] ?? "";
    const begin = performance.now();
    await appendFile(join(folder, name), "more\n");
    // With the way of the event back to this process.
    await watching.heard(`1 MODIFY ${name}`, 10_000);
    delaysMs.push(performance.now() - begin);
    await Bun.sleep(100);
  }
  const [p50, p90, most] = [0.5, 0.9, 1].map((share) => quantile(delaysMs, share).toFixed(0));
  console.log(`from an edit to its event in the container and back: p50 ${p50} ms, p90 ${p90} ms, at most ${most} ms`);
  expect(quantile(delaysMs, 0.9)).toBeLessThan(1_000);
  await vm.docker("rm", "-f", "holder");
});

test("a command in a container sees the edit that was made right before it, each time", async (vm) => {
  const folder = join(vm.inHome, "edited");
  await Bun.write(join(folder, "file"), "0");
  await vm.docker("run", "-d", "--name", "reads", "-v", `${folder}:/mnt`, "busybox", "sleep", "100000");
  const exec = (...words: readonly string[]) => vm.docker("exec", "reads", ...words);
  expect(await exec("cat", "/mnt/file")).toBe("0");
  for (let round = 1; round <= 30; round += 1) {
    const path = join(folder, round % 3 === 0 ? "next" : "file");
    await Bun.write(path, `${round}${"x".repeat(round % 2)}`);
    if (round % 3 === 0) await rename(path, join(folder, "file"));
    expect(await exec("cat", "/mnt/file")).toBe(`${round}${"x".repeat(round % 2)}`);
  }
  await vm.docker("rm", "-f", "reads");
});

test("a page that was edited right before it is asked for is the new one, each time", async (vm) => {
  const folder = join(vm.inHome, "www");
  await Bun.write(join(folder, "index.html"), "0");
  const port = await freePort();
  const server = ["busybox", "httpd", "-f", "-p", "80", "-h", "/www"];
  await vm.docker("run", "-d", "--name", "web", "-p", `${port}:80`, "-v", `${folder}:/www`, ...server);
  const page = async (): Promise<string> =>
    await (await fetch(`http://127.0.0.1:${port}/`, { keepalive: false })).text();
  await until("the server", 60_000, () => page().catch(() => undefined));
  for (let round = 1; round <= 40; round += 1) {
    const path = join(folder, round % 2 === 0 ? "next" : "index.html");
    await Bun.write(path, `page ${round}`);
    if (round % 2 === 0) await rename(path, join(folder, "index.html"));
    expect(await page()).toBe(`page ${round}`);
  }
  await vm.docker("rm", "-f", "web");
});

/** What a new container sees of `source`, which it has at /mnt. */
const seen = (vm: Vm, source: string, command: string): Promise<string> =>
  vm.docker(...runPlain, "--rm", "-v", `${source}:/mnt`, "busybox", "sh", "-c", command);

test("a file right in /tmp that is replaced between two runs is the new one", async (vm) => {
  const file = `${vm.inTmp}.file`;
  try {
    await Bun.write(file, "old\n");
    expect(await seen(vm, file, "cat /mnt")).toBe("old");
    await Bun.write(`${file}.new`, "new\n");
    await rename(`${file}.new`, file);
    expect(await seen(vm, file, "cat /mnt")).toBe("new");
  } finally {
    await rm(file, { force: true });
  }
});

test("a folder right in /tmp that is replaced by a file between two runs is the file", async (vm) => {
  const path = `${vm.inTmp}.entry`;
  try {
    await mkdir(path);
    await Bun.write(join(path, "inside"), "inside\n");
    expect(await seen(vm, path, "cat /mnt/inside")).toBe("inside");
    await rm(path, { recursive: true });
    await Bun.write(path, "a file now\n");
    expect(await seen(vm, path, "cat /mnt")).toBe("a file now");
  } finally {
    await rm(path, { recursive: true, force: true });
  }
});

test("an entry of /tmp that has become a folder, or was one, is what it is now for the next container", async (vm) => {
  const file = `${vm.inTmp}.held`;
  try {
    await Bun.write(file, "old");
    const hold = (name: string, path: string) =>
      vm.docker("run", "-d", "--name", name, "-v", `${path}:/x`, "busybox", "sleep", "1000");
    await hold("holds-file", file);
    // A folder of the file, and a file of the folder, while containers hold what was there before.
    await rm(file);
    await Bun.write(join(file, "inside/deep"), "a folder now");
    await hold("holds-folder", file);
    expect(await vm.docker("exec", "holds-folder", "cat", "/x/inside/deep")).toBe("a folder now");
    await rm(file, { recursive: true });
    await Bun.write(file, "a file again");
    expect(await vm.docker("run", "--rm", "-v", `${file}:/x`, "busybox", "cat", "/x")).toBe("a file again");
    await vm.docker("rm", "-f", "holds-file", "holds-folder");
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

test("300 files that are made in /tmp and mounted at once have the right contents", async (vm) => {
  const beganMs = performance.now();
  expect(await playRaces(vm, 300)).toEqual([]);
  console.log(`300 races in ${((performance.now() - beganMs) / 1000).toFixed(0)} s`);
}, 7_200_000);

test("twenty thousand watched entries cost nothing at rest", async (vm) => {
  const folder = join(vm.inHome, "many");
  for (let part = 0; part < 100; part += 1) {
    await mkdir(join(folder, `d${part}`), { recursive: true });
    await Promise.all(Array.from({ length: 198 }, (_, index) => Bun.write(join(folder, `d${part}/f${index}`), "")));
  }
  await Bun.sleep(20_000);
  const before = await rates(vm);
  await vm.docker("run", "-d", "--name", "many", "-v", `${folder}:/mnt`, "busybox", "sleep", "100000");
  const count = "ls /proc/$(systemctl show -P MainPID qn-agent)/fd | wc -l";
  const begin = performance.now();
  await until("all to be held", 600_000, async () =>
    Number(await vm.qn("ssh", "--", "sudo", "sh", "-c", count)) > 19_900 ? true : undefined,
  );
  console.log(`19,900 entries are held after ${((performance.now() - begin) / 1000).toFixed(0)} s`);
  await Bun.sleep(20_000);
  const after = await rates(vm);
  console.log("percent of a core without and with 20,000 watched entries:", before, after);
  for (const name of ["supervisor", "agent"]) expect(after[name]).toBeLessThan((before[name] ?? 0) + 0.5);
  await vm.docker("rm", "-f", "many");
});

/** Percent of a core that each process has had in a minute in which nothing happens. */
async function rates(vm: Vm): Promise<Record<string, number>> {
  const seconds = 60;
  const before = await spent(vm);
  await Bun.sleep(seconds * 1_000);
  const after = await spent(vm);
  return Object.fromEntries(
    Object.entries(after).map(([name, value]) => [name, (100 * (value - (before[name] ?? 0))) / seconds]),
  );
}
