/** Every kind of entry and every kind of access, from both sides. Clones of git, and more of everything: test/long/projects. */
import { expect } from "bun:test";
import { appendFile, link, mkdir, readdir, readFile, readlink, rename, stat, symlink } from "node:fs/promises";
import { join } from "node:path";
import { runPlain, type Vm, type VmTest } from "../../support/vm.ts";
import { inContainer, inGuest, type Server } from "./where.ts";

/** Entries and accesses on a plain share. */
export function contentTests(test: VmTest, server: Server): void {
  test("links, sparse files, long names and modes of a container are the same on the host", async (vm) => {
    const long = "n".repeat(255);
    const folder = join(vm.inHome, "entries");
    await mkdir(folder);
    const script = `cd /mnt; umask 022; echo text >file; ln file hard; ln -s file relative; ln -s /mnt/file absolute
      ln -s nowhere dangling; echo long >${long}; truncate -s 100M sparse; echo end >>sparse; chmod 751 file
      cat relative absolute; stat -c %h file`;
    expect(await inContainer(vm, "entries", script)).toBe("text\ntext\n2");
    const at = (name: string): string => join(folder, name);
    const [file, hard, sparse] = await Promise.all(["file", "hard", "sparse"].map((name) => stat(at(name))));
    expect([file?.ino === hard?.ino, ((file?.mode ?? 0) & 0o777).toString(8), sparse?.size]).toEqual([
      true,
      "751",
      104_857_604,
    ]);
    expect((sparse?.blocks ?? Infinity) * 512).toBeLessThan(1_000_000);
    const targets = await Promise.all(["relative", "absolute", "dangling"].map((name) => readlink(at(name))));
    expect([...targets, await readFile(at(long), "utf8")]).toEqual(["file", "/mnt/file", "nowhere", "long\n"]);
  });

  test("links and files of the host are the same in a container", async (vm) => {
    const folder = join(vm.inHome, "from-host");
    const at = (name: string): string => join(folder, name);
    await mkdir(folder);
    await Bun.write(at("file"), "text\n");
    await link(at("file"), at("hard"));
    await symlink("file", at("relative"));
    await symlink(at("file"), at("absolute"));
    await symlink("/nowhere", at("dangling"));
    const script = `cd /mnt; cat relative hard; readlink relative; readlink dangling; test -e dangling || echo dangles
      test -e absolute || echo "another path here"; stat -c %h file`;
    expect(await inContainer(vm, "from-host", script)).toBe(
      "text\ntext\nfile\n/nowhere\ndangles\nanother path here\n2",
    );
    // At its own path an absolute link leads where it does on the host.
    expect(await vm.docker(...runPlain, "--rm", "-v", `${folder}:${folder}`, "busybox", "cat", at("absolute"))).toBe(
      "text",
    );
  });

  test("both sides append to one file at once, and nothing is lost", async (vm) => {
    const folder = "log";
    await mkdir(join(vm.inHome, folder));
    const file = join(vm.inHome, folder, "file");
    const script = "for i in $(seq 100); do echo container $i >>/mnt/file; done";
    const host = async (): Promise<void> => {
      for (let line = 1; line <= 100; line += 1) await appendFile(file, `host ${line}\n`);
    };
    await Promise.all([inContainer(vm, folder, script), host()]);
    const lines = (await readFile(file, "utf8")).trim().split("\n");
    const expected = ["container", "host"].flatMap((who) => Array.from({ length: 100 }, (_, i) => `${who} ${i + 1}`));
    expect(lines.toSorted()).toEqual(expected.toSorted());
  });

  test("both sides append to one file by turns, and each sees the other's lines", async (vm) => {
    await mkdir(join(vm.inHome, "turns"));
    const file = join(vm.inHome, "turns/file");
    for (const turn of [1, 2, 3]) {
      await appendFile(file, `host ${turn}\n`);
      const seen = await inContainer(vm, "turns", `echo container ${turn} >>/mnt/file; cat /mnt/file`);
      expect(seen).toBe((await readFile(file, "utf8")).trim());
    }
    const turns = [1, 2, 3].flatMap((turn) => [`host ${turn}`, `container ${turn}`]);
    expect((await readFile(file, "utf8")).trim().split("\n")).toEqual(turns);
  });

  test("a file that is replaced while a container holds it open stays readable there, and others see the new one", async (vm) => {
    await mkdir(join(vm.inHome, "replaced"));
    await Bun.write(join(vm.inHome, "replaced/file"), "old\n");
    const name = "holder";
    const hold = "exec 3</mnt/file; echo ready; while ! test -e /mnt/go; do usleep 100000; done; cat <&3";
    const volume = ["-v", `${join(vm.inHome, "replaced")}:/mnt`];
    await vm.docker(...runPlain, "-d", "--name", name, ...volume, "busybox", "sh", "-c", hold);
    await using logs = vm.converse(["docker", "logs", "-f", name]);
    expect(await logs.nextLine()).toBe("ready");
    await Bun.write(join(vm.inHome, "replaced/new"), "new\n");
    await rename(join(vm.inHome, "replaced/new"), join(vm.inHome, "replaced/file"));
    await Bun.write(join(vm.inHome, "replaced/go"), "");
    expect(await logs.nextLine()).toBe("old");
    await vm.docker("wait", name);
    await vm.docker("rm", name);
    expect(await inContainer(vm, "replaced", "cat /mnt/file")).toBe("new");
  });

  test("programs lock a file of a share against each other", async (vm) => {
    // busybox has no flock here, but containers and the guest's own programs have one kernel, which keeps the locks.
    const file = join(vm.inHome, "lock");
    const locked = () => vm.qn("ssh", "--", "flock", "--nonblock", "--conflict-exit-code", "0", file, "echo", "free");
    await using holder = vm.converse(["qn", "ssh", "--", "flock", file, "sh", "-c", "echo has; read line"]);
    expect(await holder.nextLine()).toBe("has");
    expect(await locked()).toBe("");
    holder.say("go\n");
    expect(await holder.end()).toBe(0);
    expect(await locked()).toBe("free");
  });

  test("a program appends while another one looks, and nothing is lost", async (vm) => {
    const file = join(vm.inHome, "looked-at");
    const append = `for (let line = 1; line <= 1000; line += 1) fs.writeSync(file, "line " + line + "\\n");`;
    const writer = `const fs = require("node:fs"); const file = fs.openSync(${JSON.stringify(file)}, "w"); ${append}`;
    const reader = `const fs = require("node:fs"); const child = Bun.spawn([process.execPath, "-e", ${JSON.stringify(writer)}]);
      while (child.exitCode === null) { try { fs.statSync(${JSON.stringify(file)}); } catch {} await Bun.sleep(0); }`;
    await inGuest(vm, reader);
    const lines = Array.from({ length: 1000 }, (_, index) => `line ${index + 1}\n`);
    expect(await readFile(file, "utf8")).toBe(lines.join(""));
  });

  test("a program maps a file and writes through the map, with 9p if the share's cache is mmap", async (vm) => {
    const script = (path: string): string => `const file = ${JSON.stringify(path)};
      require("node:fs").writeFileSync(file, "hello"); Bun.mmap(file, { shared: true })[0] = 72;`;
    await inGuest(vm, script(join(vm.inHome, "cached/file")));
    expect(await readFile(join(vm.inHome, "cached/file"), "utf8")).toBe("Hello");
    const plain = inGuest(vm, script(join(vm.inHome, "plain-file")));
    if (server === "9p") return await expect(plain).rejects.toThrow("EINVAL");
    await plain;
    expect(await readFile(join(vm.inHome, "plain-file"), "utf8")).toBe("Hello");
  });

  test("a thousand files are open at once, and each is its own", (vm) => manyOpen(vm, 1_000));

  test("a folder of ten thousand entries is listed whole", (vm) => manyEntries(vm, 10_000));
}

/** Makes a folder with so many entries and has them counted in a container. */
export async function manyEntries(vm: Vm, count: number): Promise<void> {
  const folder = join(vm.inHome, "large");
  await mkdir(folder);
  for (let start = 0; start < count; start += 1000) {
    await Promise.all(Array.from({ length: 1000 }, (_, i) => Bun.write(join(folder, `entry-${start + i}`), "")));
  }
  expect(await inContainer(vm, "large", "set -- /mnt/*; echo $#")).toBe(`${count}`);
}

/** Opens so many files at once in the guest, writes to some of them, and finds each to be its own. */
export async function manyOpen(vm: Vm, count: number): Promise<void> {
  const folder = join(vm.inHome, `open-${count}`);
  await mkdir(folder);
  const script = `const fs = require("node:fs"); const files = [];
    for (let i = 0; i < ${count}; i += 1) files.push(fs.openSync(${JSON.stringify(folder)} + "/" + i, "w+"));
    for (const [i, file] of files.entries()) if (i % 100 === 0) fs.writeSync(file, "file " + i);
    console.log(files.length, String(fs.readFileSync(${JSON.stringify(`${folder}/${count - 100}`)})));`;
  expect(await inGuest(vm, script)).toBe(`${count} file ${count - 100}`);
  expect([(await readdir(folder)).length, await readFile(join(folder, "100"), "utf8")]).toEqual([count, "file 100"]);
}
