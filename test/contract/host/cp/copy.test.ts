/** Copies both ways with real tars, shells and folders; only the guest is this machine. Each test holds for both ways. */
import { expect, test } from "bun:test";
import {
  chmod,
  link,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { failureOf } from "../../../support/failures.ts";
import { type TwoSides, twoSides } from "../../../support/ssh-to-here.ts";
import { withoutTmp } from "../../../support/without-tmp.ts";

/** Each way: the folder that is copied from, that which is copied to, and how `qn cp` names their paths. */
const ways = [
  { way: "to the guest", from: "host", to: "guest", at: (path: string) => path, into: (path: string) => `:${path}` },
  { way: "from the guest", from: "guest", to: "host", at: (path: string) => `:${path}`, into: (path: string) => path },
] as const;

/** A folder as lines: "name kind mode time content". */
async function tree(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true });
  const lines = entries.toSorted().map(async (name) => {
    const path = join(folder, name);
    const facts = await lstat(path);
    const mode = (facts.mode & 0o7777).toString(8);
    if (facts.isSymbolicLink()) return `${name} -> ${await readlink(path)}`;
    if (facts.isDirectory()) return `${name}/ ${mode} ${facts.mtimeMs}`;
    return `${name} ${mode} ${facts.mtimeMs} ${facts.nlink} ${(await readFile(path)).toString().slice(0, 20)}`;
  });
  return await Promise.all(lines);
}

/** Anything that a copy has left aside. */
async function leftovers(sides: TwoSides): Promise<string[]> {
  const names = await Promise.all(
    [sides.host, sides.guest, sides.own].map((folder) => readdir(folder, { recursive: true })),
  );
  return names.flat().filter((name) => name.includes(".qn-"));
}

async function put(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(join(folder, name, ".."), { recursive: true });
    await writeFile(join(folder, name), text);
  }
}

for (const { way, from, to, at, into } of ways) {
  test(`a folder arrives ${way} with all names, modes, times, links and holes`, async () => {
    await using sides = await twoSides();
    const folder = join(sides[from], "my folder");
    await put(folder, {
      "a b'c\"d": "1",
      größe: "2",
      "-rf": "3",
      "new\nline": "4",
      ".hidden/*": "5",
      [`n${"x".repeat(254)}`]: "6",
    });
    await chmod(join(folder, "größe"), 0o4751);
    await utimes(join(folder, "größe"), 1, 981_173_106.125);
    await symlink("größe", join(folder, "relative"));
    await symlink("/etc/passwd", join(folder, "absolute"));
    await symlink("../../../nowhere", join(folder, "dangling"));
    await link(join(folder, "-rf"), join(folder, "twin"));
    await writeFile(join(folder, "holes"), "");
    await truncate(join(folder, "holes"), 64 * 1024 ** 2);
    await mkdir(join(folder, "closed"));
    await writeFile(join(folder, "closed/in"), "7");
    await chmod(join(folder, "closed"), 0o555);
    await utimes(folder, 1, 1000.5);
    await sides.cp(at("my folder"), into("copy"));
    const copied = join(sides[to], "copy");
    // Set-user-id bits do not travel.
    const expected = (await tree(folder)).map((line) => line.replace("größe 4751", "größe 751"));
    expect(await tree(copied)).toEqual(expected);
    expect((await stat(copied)).mtimeMs).toBe(1_000_500);
    expect((await stat(join(copied, "holes"))).blocks).toBe(0);
    expect(await leftovers(sides)).toEqual([]);
    for (const each of [folder, copied]) await chmod(join(each, "closed"), 0o755);
  });

  test(`a copy ${way} needs no folder that guests see`, async () => {
    await using sides = await twoSides();
    await put(sides[from], { "folder/in": "new" });
    using _nowhere = withoutTmp();
    await sides.cp(at("folder"), into("copy"));
    expect(await readFile(join(sides[to], "copy/in"), "utf8")).toBe("new");
  });

  test(`copies ${way} go where cp and docker cp would put them`, async () => {
    await using sides = await twoSides();
    await put(sides[from], { file: "new", "folder/in": "new", "folder/sub/deep": "new" });
    await symlink("file", join(sides[from], "link"));
    await symlink("folder", join(sides[from], "folder-link"));
    await put(sides[to], { there: "old", "place/keep": "old", "merged/folder/in": "old", "merged/folder/keep": "old" });
    await symlink("real", join(sides[to], "through"));
    await writeFile(join(sides[to], "real"), "old");
    for (const [source, destination] of [
      ["file", "there"],
      ["file", "place"],
      ["file", "place/named"],
      ["link", "place/linked"],
      ["file", "through"],
      ["folder", "made"],
      ["folder/", "slashed/"],
      ["folder", "merged"],
      ["folder-link", "followed"],
      ["folder/.", "place"],
      ["folder/.", "contents"],
    ] as const) {
      await sides.cp(at(source), into(destination));
    }
    const files = (await tree(sides[to]))
      .map((line) => line.replace(/(^\S+) \d.* (\S*)$/, "$1 $2"))
      .filter((line) => !/^\S+\/ /.test(line));
    expect(files).toEqual([
      "contents/in new",
      "contents/sub/deep new",
      "followed/in new",
      "followed/sub/deep new",
      "made/in new",
      "made/sub/deep new",
      "merged/folder/in new",
      "merged/folder/keep old",
      "merged/folder/sub/deep new",
      "place/file new",
      "place/in new",
      "place/keep old",
      "place/linked new",
      "place/named new",
      "place/sub/deep new",
      // On this machine a link may be the guest's, and is replaced.
      to === "host" ? "real old" : "real new",
      "slashed/in new",
      "slashed/sub/deep new",
      "there new",
      to === "host" ? "through new" : "through -> real",
    ]);
    expect(await leftovers(sides)).toEqual([]);
  });

  test(`what cannot be copied ${way} is said with its path, and changes nothing`, async () => {
    await using sides = await twoSides();
    await put(sides[from], { file: "new", "folder/in": "new" });
    await put(sides[to], { file: "old", "folder/keep": "old" });
    await Bun.spawn(["mkfifo", join(sides[from], "fifo")]).exited;
    const before = await tree(sides[to]);
    const failures: string[] = [];
    for (const [source, destination] of [
      ["none", "x"],
      ["fifo", "x"],
      ["file", "none/x"],
      ["file", "x/"],
      ["file", "file/"],
      ["folder", "file"],
    ] as const) {
      const { code, message } = await failureOf(() => sides.cp(at(source), into(destination)));
      expect(code).toBe("COPY_FAILED");
      failures.push(message.replaceAll(`${sides.host}/`, "").replaceAll(' in the VM "default"', ""));
    }
    expect(failures).toEqual([
      'There is no file or folder "none".',
      '"fifo" is neither a file nor a folder.',
      '"none/x" lies in a folder that is not there.',
      '"x/" is no folder.',
      '"file/" is no folder.',
      '"file" is no folder.',
    ]);
    await mkdir(join(sides[to], "holder/file"), { recursive: true });
    const { message } = await failureOf(() => sides.cp(at("file"), into("holder")));
    expect(message).toEndWith("is a folder, and a file does not take its place.");
    expect((await tree(sides[to])).filter((line) => !line.startsWith("holder"))).toEqual(before);
    expect(await leftovers(sides)).toEqual([]);
  });

  test(`a file and a folder of one name do not meet ${way}, and the rest of the folder arrives`, async () => {
    await using sides = await twoSides();
    await put(sides[from], { "folder/a": "new", "folder/b/in": "new", "folder/c": "new" });
    await put(sides[to], { "folder/a/in": "old", "folder/b": "old" });
    const { message, details = [] } = await failureOf(() => sides.cp(at("folder"), into(".")));
    expect(message).toContain("folder");
    expect(details.join("\n")).toContain("folder/a");
    expect(await readFile(join(sides[to], "folder/c"), "utf8")).toBe("new");
    expect(await readFile(join(sides[to], "folder/a/in"), "utf8")).toBe("old");
    expect(await leftovers(sides)).toEqual([]);
  });

  test(`a copy ${way} that is called off on the way leaves nothing behind`, async () => {
    await using sides = await twoSides();
    await put(sides[from], { "folder/a": "x".repeat(64_000_000) });
    await put(sides[to], { keep: "old" });
    const stop = new AbortController();
    sides.onProgress = (bytes) => bytes > 1_000_000 && stop.abort();
    const failure = await failureOf(() => sides.cp(at("folder"), into("copy"), stop.signal));
    expect(failure).toEqual({ code: "INTERRUPTED", message: "The copy was called off." });
    // What the other side takes away by itself goes a moment later, as with a real ssh.
    while ((await readdir(sides[to])).length > 1) await Bun.sleep(10);
    expect(await readdir(sides[to])).toEqual(["keep"]);
  });

  test(`a connection that breaks anywhere on the way ${way} leaves nothing behind`, async () => {
    for (let bytes = 0; bytes <= 4096; bytes += 256) {
      const cut = from === "host" ? `head -c ${bytes} | sh -c "$last"` : `sh -c "$last" | head -c ${bytes}`;
      await using sides = await twoSides(`${cut}; exit 255`);
      await put(sides[from], { "folder/a": "x", "folder/b": "y", "folder/c": "z" });
      await put(sides[to], { keep: "old" });
      const { code, message } = await failureOf(() => sides.cp(at("folder"), into("copy")));
      expect(code).toBe("COPY_FAILED");
      expect(message).toMatch(/^(Nothing of|The copy to) /);
      expect(await readdir(sides[to])).toEqual(["keep"]);
    }
  });

  test(`progress ${way} counts up to the size of a file, and for a folder what has gone over`, async () => {
    await using sides = await twoSides();
    await put(sides[from], { file: "x".repeat(300_000), "folder/in": "y" });
    await sides.cp(at("file"), into("copy"));
    expect(sides.told.at(-1)).toEqual([300_000, 300_000]);
    await sides.cp(at("folder"), into("copied"));
    const [bytes, total] = sides.told.at(-1) ?? [0, 0];
    expect([bytes > 512, total]).toEqual([true, undefined]);
  });
}

test("what a shell of the guest prints before the archive does no harm", async () => {
  await using sides = await twoSides("echo welcome; printf 'qn-cp: hm '");
  await put(sides.guest, { file: "new" });
  await sides.cp(":file", "copy");
  expect(await readFile(join(sides.host, "copy"), "utf8")).toBe("new");
});

test("a guest that sends no archive gets nothing written", async () => {
  await using sides = await twoSides("printf 'qn-cp file 3\\nnot an archive'; exit 0");
  await mkdir(join(sides.host, "sub"));
  expect((await failureOf(() => sides.cp(":x", "sub"))).code).toBe("COPY_FAILED");
  expect(await readdir(sides.host, { recursive: true })).toEqual(["sub"]);
});

test("a path from the guest's home folder, and ~, mean the same", async () => {
  await using sides = await twoSides();
  await put(sides.host, { file: "1" });
  await sides.cp("file", ":");
  await sides.cp("file", ":~/b");
  await sides.cp("file", ":./c");
  expect((await readdir(sides.guest)).toSorted()).toEqual(["b", "c", "file"]);
  await sides.cp(":~", "home");
  expect((await readdir(join(sides.host, "home"))).toSorted()).toEqual(["b", "c", "file"]);
});

// A memory file system that every Linux has; other systems have none that can be counted on.
test.skipIf(process.platform !== "linux")("a folder arrives whole on another file system, new and joined", async () => {
  await using sides = await twoSides();
  const shm = await mkdtemp("/dev/shm/qn-");
  try {
    await symlink(shm, join(sides.host, "shm"));
    await put(sides.guest, { "x/a/file": "one", "x/a/program": "two", "x/b/deep": "three", "x/empty": "" });
    const at = (path: string): string => join(sides.guest, "x", path);
    await writeFile(at("big"), Buffer.alloc(3 * 1024 ** 2 + 5, "qn"));
    await link(at("a/file"), at("b/again"));
    await symlink("../nowhere", at("a/link"));
    await chmod(at("a/program"), 0o755);
    for (const path of ["a/file", "a/program", "b/deep", "empty", "big", "a"]) await utimes(at(path), 1e9, 1e9);
    await mkdir(at("b/closed"), { mode: 0o500 });
    for (const path of ["b/closed", "b", "."]) await utimes(at(path), 1e9, 1e9);
    const sent = await tree(at("."));
    for (const _ of ["new", "joined"]) {
      await sides.cp(":x", "shm");
      expect(await tree(join(shm, "x"))).toEqual(sent);
      expect((await readFile(join(shm, "x/big"))).equals(await readFile(at("big")))).toBe(true);
      expect((await lstat(join(shm, "x"))).mtimeMs).toBe(1e12);
    }
    await sides.cp(":x/a/program", "shm");
    expect((await stat(join(shm, "program"))).mode & 0o777).toBe(0o755);
    expect([(await readdir(shm)).toSorted(), await leftovers(sides)]).toEqual([["program", "x"], []]);
  } finally {
    await rm(shm, { recursive: true });
  }
});
