/** `qn cp` from a guest that is root's enemy: its archives are valid, and not what was asked for. */
import { expect, test } from "bun:test";
import { chmod, lstat, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { lockFolder } from "../../../../src/system/kernel/lock.ts";
import { failureOf } from "../../../support/failures.ts";
import { type RawEntry, rawTar } from "../../../support/raw-tar.ts";
import { asides, hostileGuest, send, tree } from "../../../support/hostile-copy.ts";
import { twoSides } from "../../../support/ssh-to-here.ts";
import { until } from "../../../support/until.ts";

/** The user's mask, until disposed of. */
function withUmask(mask: number): Disposable {
  const before = process.umask(mask);
  return { [Symbol.dispose]: () => void process.umask(before) };
}

const unannounced = "the VM has sent something else than it had announced.";

const refused: Readonly<Record<string, { readonly kind: string; readonly entries: readonly RawEntry[] }>> = {
  "a link to a file in place of a file": { kind: "file", entries: [{ name: "x", type: "link", link: "../mine" }] },
  "an absolute link in place of a file": { kind: "file", entries: [{ name: "x", type: "link", link: "/etc/passwd" }] },
  "a link in place of a folder": { kind: "folder", entries: [{ name: "x", type: "link", link: ".." }] },
  "a folder in place of a file": { kind: "file", entries: [{ name: "x/", type: "folder", mode: 0o755 }] },
  "a file in place of a folder": { kind: "folder", entries: [{ name: "x", text: "new" }] },
  "a FIFO in place of a file": { kind: "file", entries: [{ name: "x", type: "fifo" }] },
  "two files in place of one": {
    kind: "file",
    entries: [
      { name: "x", text: "new" },
      { name: "y", text: "new" },
    ],
  },
  "a file in a folder that leads out": { kind: "file", entries: [{ name: "../mine", text: "new" }] },
  "a file of an absolute name": { kind: "file", entries: [{ name: "/etc/qn-evil", text: "new" }] },
  "a link and a file of one name behind it": {
    kind: "folder",
    entries: [
      { name: "x", type: "link", link: "../../host" },
      { name: "x/mine", text: "new" },
    ],
  },
  "a file behind a link of its folder": {
    kind: "folder",
    entries: [
      { name: "x/", type: "folder", mode: 0o755 },
      { name: "x/out", type: "link", link: "../../../host" },
      { name: "x/out/mine", text: "new" },
    ],
  },
  "a second name of a file outside": {
    kind: "file",
    entries: [{ name: "x", type: "hardlink", link: "../../host/mine" }],
  },
  "a second name of a file by its absolute path": {
    kind: "file",
    entries: [{ name: "x", type: "hardlink", link: "/etc/passwd" }],
  },
};

for (const [what, { kind, entries }] of Object.entries(refused)) {
  test(`a guest that sends ${what} gets nothing written, the second time neither`, async () => {
    await using sides = await hostileGuest(kind, entries);
    const before = await tree(sides.host);
    for (const destination of ["in", "in/x", "in"]) {
      expect((await failureOf(() => sides.cp(":x", destination))).code).toBe("COPY_FAILED");
      expect(await tree(sides.host)).toEqual(before);
    }
    expect(await asides(sides)).toEqual([]);
  });
}

test("another kind than announced is said", async () => {
  await using sides = await hostileGuest("file", [{ name: "x", type: "link", link: "../mine" }]);
  expect((await failureOf(() => sides.cp(":x", "in"))).message).toEndWith(unannounced);
});

// Whether tar can make one is a matter of rights; that none arrives is not.
test.each(["characters", "blocks"] as const)("no device node arrives (%s), alone or in a folder", async (type) => {
  await using sides = await hostileGuest("file", [{ name: "x", type }]);
  expect((await failureOf(() => sides.cp(":x", "in"))).code).toBe("COPY_FAILED");
  await using folder = await hostileGuest("folder", [
    { name: "x/", type: "folder", mode: 0o755 },
    { name: "x/node", type },
  ]);
  expect((await failureOf(() => folder.cp(":x", "in"))).code).toBe("COPY_FAILED");
  for (const { host } of [sides, folder]) expect((await tree(host)).join("\n")).not.toContain("node");
});

test("a file that comes after a link of its own name is written through it by no tar", async () => {
  await using sides = await hostileGuest("file", [
    { name: "x", type: "link", link: "../../host/mine" },
    { name: "x", text: "new" },
  ]);
  // GNU tar makes the link of the two in the end, which is refused, and others the file.
  for (const destination of ["in", "in/x"]) await Promise.allSettled([sides.cp(":x", destination)]);
  expect(await readFile(join(sides.host, "mine"), "utf8")).toBe("mine");
  expect((await tree(sides.host)).join("\n")).not.toContain("->");
});

test("a link where a file arrives is replaced, whoever made it, and what it leads to is as it was", async () => {
  using _mask = withUmask(0o022);
  await using sides = await hostileGuest("file", [{ name: "x", mode: 0o6777, text: "new" }]);
  for (const link of ["in/x", "in/named"]) {
    await symlink("../mine", join(sides.host, link));
    await sides.cp(":x", link);
  }
  await symlink("../mine", join(sides.host, "in/y"));
  await sides.cp(":y", "in");
  expect(await tree(sides.host)).toEqual([
    "in/ 755",
    "in/named 755 new",
    "in/x 755 new",
    "in/y 755 new",
    "mine 600 mine",
  ]);
  expect((await stat(join(sides.host, "in/x"))).uid).toBe(process.getuid?.() ?? 0);
});

test("a folder's second arrival goes through no link that its first has brought", async () => {
  const folder: RawEntry = { name: "x/", type: "folder", mode: 0o755 };
  await using sides = await hostileGuest("folder", [folder, { name: "x/out", type: "link", link: "../../other" }]);
  await mkdir(join(sides.host, "other"), { mode: 0o700 });
  await sides.cp(":x", "in");
  await send(sides, [folder, { ...folder, name: "x/out/" }, { name: "x/out/evil", text: "new" }]);
  const { details = [] } = await failureOf(() => sides.cp(":x", "in"));
  expect(details.join()).toEndWith("in/x/out is no folder, and a folder does not take its place.");
  await send(sides, [folder, { name: "x/out", text: "new" }]);
  await sides.cp(":x", "in");
  expect((await lstat(join(sides.host, "in/x/out"))).isFile()).toBe(true);
  // The folder itself too: were it a link by now, nothing would join what it leads to.
  await symlink("other", join(sides.host, "z"));
  expect((await failureOf(() => sides.cp(":z", "."))).message).toEndWith("is no folder.");
  expect(await readdir(join(sides.host, "other"))).toEqual([]);
  expect((await stat(join(sides.host, "other"))).mode & 0o777).toBe(0o700);
});

test("what a folder brings beside files, folders and links is left out and said, and the rest arrives", async () => {
  await using sides = await hostileGuest("folder", [
    { name: "x/", type: "folder", mode: 0o755 },
    { name: "x/closed/", type: "folder", mode: 0o500 },
    { name: "x/closed/pipe", type: "fifo", mode: 0o666 },
    { name: "x/file", text: "new" },
  ]);
  const { details = [] } = await failureOf(() => sides.cp(":x", "in"));
  expect(details).toEqual([`${sides.host}/in/x/closed/pipe is neither a file, a folder nor a link, and was left out.`]);
  expect(await tree(join(sides.host, "in"))).toEqual(["x/ 755", "x/closed/ 500", "x/file 644 new"]);
});

test("modes are the user's mask's, set-id bits are gone, and a folder that is there keeps its own", async () => {
  using _mask = withUmask(0o027);
  await using sides = await hostileGuest("folder", [
    { name: "x/", type: "folder", mode: 0o7777 },
    { name: "x/program", mode: 0o6777, text: "new" },
    { name: "x/sub/", type: "folder", mode: 0o3777 },
  ]);
  const lines = ["x/ 750", "x/program 750 new", "x/sub/ 750"];
  await sides.cp(":x", "in");
  expect(await tree(join(sides.host, "in"))).toEqual(lines);
  await chmod(join(sides.host, "in/x"), 0o700);
  await sides.cp(":x", "in");
  expect(await tree(join(sides.host, "in"))).toEqual(["x/ 700", ...lines.slice(1)]);
});

test("the guest never chooses a name in a folder of this machine's", async () => {
  await using sides = await hostileGuest("folder", [
    { name: ".ssh/", type: "folder", mode: 0o755 },
    { name: ".ssh/authorized_keys", text: "new" },
  ]);
  for (const source of [":~", ":..", ":/", ":a/.."]) {
    expect((await failureOf(() => sides.cp(source, "."))).message).toContain("ends in no name");
  }
  await sides.cp(":~", "named");
  await sides.cp(":x", "in");
  const names = (await tree(sides.host)).map((line) => line.split(" ")[0]);
  expect(names).toEqual(["in/", "in/x/", "in/x/authorized_keys", "mine", "named/", "named/authorized_keys"]);
});

test("a copy is unpacked where no guest sees it, and what a killed one has left goes with the next", async () => {
  await using sides = await hostileGuest("file", [{ name: "x", text: "n".repeat(8 * 1024 ** 2) }]);
  const [left, used] = [join(sides.own, ".qn-cp.left"), join(sides.own, ".qn-cp.used")];
  for (const folder of [left, used]) await mkdir(join(folder, "deep"), { recursive: true });
  // Two descriptors of one process exclude each other as two processes do (flock(2)).
  const lock = lockFolder(used);
  const seen = new Set<string>();
  const looks: Promise<void>[] = [];
  sides.onProgress = () => {
    for (const folder of [sides.host, join(sides.host, "in"), sides.own]) {
      looks.push(readdir(folder).then((names) => names.forEach((name) => void seen.add(join(folder, name)))));
    }
  };
  await sides.cp(":x", "in");
  await Promise.all(looks);
  lock?.release();
  const seenAsides = [...seen].filter((path) => path.includes(".qn-"));
  expect(seenAsides).toContain(used);
  expect(seenAsides.length).toBeGreaterThan(1);
  expect(seenAsides.filter((path) => !path.startsWith(sides.own) || path === left)).toEqual([]);
  expect(await asides(sides)).toEqual([".qn-cp.used"]);
});

// A memory file system that every Linux has; other systems have none that can be counted on.
test.skipIf(process.platform !== "linux")("a copy to another file system is held to the same", async () => {
  const folder: RawEntry = { name: "x/", type: "folder", mode: 0o755 };
  await using sides = await hostileGuest("folder", [folder, { name: "x/file", text: "new" }]);
  const shm = await mkdtemp("/dev/shm/qn-");
  try {
    await symlink(shm, join(sides.host, "shm"));
    await sides.cp(":x", "shm");
    expect(await tree(shm)).toEqual(["x/ 755", "x/file 644 new"]);
    await send(sides, [{ ...folder, type: "link", link: ".." }]);
    expect((await failureOf(() => sides.cp(":x", "shm"))).message).toEndWith(unannounced);
    expect([await readdir(shm), await asides(sides)]).toEqual([["x"], []]);
  } finally {
    await rm(shm, { recursive: true });
  }
});

test.skipIf(process.platform !== "linux")(
  "a guest that sees another file system's folder plants no link in what is unpacked",
  async () => {
    const folder: RawEntry = { name: "x/", type: "folder", mode: 0o755 };
    // GNU tar takes no part of an archive below 10 KiB.
    const filler: RawEntry = { name: "x/filler", text: "n".repeat(20 * 1024) };
    const first = rawTar([folder, { ...folder, name: "x/d/" }, filler]).subarray(0, -1024);
    const shm = await mkdtemp("/dev/shm/qn-");
    // It goes on when the host has unpacked the first part, which it sees or is told of, and plants the link.
    await using sides = await twoSides(
      `printf 'qn-cp folder 3\\n'; cat first; read -r _ < gate
for aside in '${shm}'/.qn-cp.*/x; do [ -d "$aside" ] && rm -r "$aside/d" && ln -s "$PWD/../host/secret" "$aside/d"; done
cat second; exit 0`,
    );
    try {
      await writeFile(join(sides.guest, "first"), first);
      await writeFile(join(sides.guest, "second"), rawTar([{ name: "x/d/keys", text: "evil" }]));
      await mkdir(join(sides.host, "secret"));
      expect(await Bun.spawn(["mkfifo", join(sides.guest, "gate")]).exited).toBe(0);
      await symlink(shm, join(sides.host, "shm"));
      const copied = Promise.allSettled([sides.cp(":x", "shm")]);
      await until("the first part to be unpacked", 10_000, async () => {
        const trees = [shm, sides.own].map((path) => readdir(path, { recursive: true }));
        return (await Promise.all(trees)).flat().find((name) => /^\.qn-cp\.\w+\/x\/d$/.test(name));
      });
      await writeFile(join(sides.guest, "gate"), "\n");
      const [outcome] = await copied;
      expect(await readdir(join(sides.host, "secret"))).toEqual([]);
      expect(outcome?.status).toBe("fulfilled");
      expect(await readdir(shm)).toEqual(["x"]);
      expect(await readFile(join(shm, "x/d/keys"), "utf8")).toBe("evil");
      expect(await asides(sides)).toEqual([]);
    } finally {
      await rm(shm, { recursive: true });
    }
  },
);
