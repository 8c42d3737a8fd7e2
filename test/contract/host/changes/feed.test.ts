/** Changes on real folders, as the guest is told of them. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, renameSync, rmSync } from "node:fs";
import { appendFile, chmod, chown, mkdir, mkdtemp, open, rename, rm, symlink, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ChangeFeed } from "../../../../src/host/changes/feed.ts";
import type { ChangeSet } from "../../../../src/host/changes/watch-plan.ts";
import type { HostMessage } from "../../../../src/protocol/messages.ts";
import { until } from "../../../support/until.ts";

let root = "";
let feed: ChangeFeed;
let heard: string[] = [];
let logged: string[] = [];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "qn-changes-"));
  [heard, logged] = [[], []];
});

afterEach(async () => {
  feed.close();
  await rm(root, { recursive: true });
});

/** Watches sources below the root; a path is heard as "kind path", with the root left out. */
async function follow(sources: readonly string[], limits: { entriesMax?: number; mark?: string } = {}): Promise<void> {
  const hidden = join(root, "home");
  const mark = join(root, "mark");
  const place = { shared: [root], hidden, mark, exclude: [".git"], entriesMax: 100, ...limits };
  feed = new ChangeFeed(place, (text) => logged.push(text.replaceAll(root, "")));
  await feed.follow(
    sources.map((source) => join(root, source)),
    (message: HostMessage) => {
      if (message.type !== "changes") return;
      for (const kind of ["gone", "there", "folders", "files"] satisfies (keyof ChangeSet)[]) {
        for (const path of message[kind]) heard.push(`${kind} ${path.slice(root.length)}`);
      }
    },
  );
  // The end of the first batch; what is there is no change.
  await until("the first batch", 5_000, () => (heard.length > 0 ? true : undefined));
}

/** Does something, and gives back what is heard of it until `mark`, a file made afterwards, is heard of. */
async function after(action: () => Promise<unknown>): Promise<string[]> {
  heard = [];
  await action();
  // More than one batch apart, so that the mark is never told before what it marks the end of.
  await Bun.sleep(150);
  const mark = `mark-${crypto.randomUUID()}`;
  await Bun.write(join(root, "src", mark), "");
  await until(mark, 5_000, () => (heard.includes(`files /src/${mark}`) ? true : undefined));
  const end = heard.findIndex((line) => line.includes(mark));
  // The mark's own folder is of no interest, nor is what only was there.
  const told = heard.slice(0, end).filter((line) => !line.startsWith("there") && line !== "folders /src");
  await rm(join(root, "src", mark));
  await until("the end of the mark", 5_000, () => (heard.includes(`gone /src/${mark}`) ? true : undefined));
  await Bun.sleep(100);
  return told;
}

test("an edit, a new file, a rename and a deletion are told, however deep", async () => {
  await mkdir(join(root, "src/deep"), { recursive: true });
  const at = (name: string): string => join(root, "src/deep", name);
  await Bun.write(at("a"), "one");
  await follow(["src"]);
  // On a busy machine it may take more than one batch.
  await until("all that is there", 5_000, () => (heard.length >= 3 ? true : undefined));
  expect(heard).toEqual(["there /src", "there /src/deep", "there /src/deep/a"]);
  expect(await after(() => appendFile(at("a"), "two"))).toContain("files /src/deep/a");
  expect(await after(() => Bun.write(at("b"), "new"))).toEqual(
    expect.arrayContaining(["folders /src/deep", "files /src/deep/b"]),
  );
  expect(await after(() => rename(at("b"), at("c")))).toEqual(
    expect.arrayContaining(["gone /src/deep/b", "folders /src/deep", "files /src/deep/c"]),
  );
  expect(await after(() => rm(at("c")))).toEqual(expect.arrayContaining(["gone /src/deep/c", "folders /src/deep"]));
  // As most editors save.
  await Bun.write(at("new"), "three");
  expect(await after(() => rename(at("new"), at("a")))).toContain("files /src/deep/a");
});

test("a new file is told once it is left alone, and not while it is being written", async () => {
  await mkdir(join(root, "src"));
  await follow(["src"]);
  heard = [];
  const file = join(root, "src/growing");
  const isHeard = (): boolean => heard.some((line) => line.endsWith("growing"));
  for (let step = 0, longestMs = 0; step < 5; step += 1) {
    await appendFile(file, "more");
    const begin = performance.now();
    await Bun.sleep(100);
    longestMs = Math.max(longestMs, performance.now() - begin);
    // A machine that was too busy has left it alone for so long that it may be told.
    if (longestMs < 150) expect(isHeard()).toBe(false);
  }
  await until("the file", 5_000, () => (heard.includes("files /src/growing") ? true : undefined));
  expect(await after(() => appendFile(file, "at once"))).toContain("files /src/growing");
});

test("a new folder is told with what is in it, and watched from then on", async () => {
  await mkdir(join(root, "src"));
  await mkdir(join(root, "aside/inner"), { recursive: true });
  await Bun.write(join(root, "aside/inner/file"), "1");
  await follow(["src"]);
  expect(await after(() => rename(join(root, "aside"), join(root, "src/moved")))).toEqual(
    expect.arrayContaining(["folders /src/moved", "folders /src/moved/inner", "files /src/moved/inner/file"]),
  );
  expect(await after(() => appendFile(join(root, "src/moved/inner/file"), "2"))).toContain(
    "files /src/moved/inner/file",
  );
});

test("what the agent does to wake watchers in the guest is told to nobody, a touch is", async () => {
  await mkdir(join(root, "src/sub"), { recursive: true });
  const file = join(root, "src/file");
  await Bun.write(file, "1");
  await follow(["src"]);
  const uid = process.getuid?.() ?? 0;
  const gid = process.getgid?.() ?? 0;
  const quiet = await after(async () => {
    await using handle = await open(file, "r+");
    await handle.stat();
    await chown(file, uid, gid);
    await chown(join(root, "src/sub"), uid, gid);
    await chown(join(root, "src"), uid, gid);
    await chmod(file, 0o600);
  });
  expect(quiet).toEqual([]);
  expect(await after(() => utimes(file, 1, 1))).toContain("files /src/file");
});

test("one file that is mounted alone is told when it is edited and when it is replaced", async () => {
  await mkdir(join(root, "src"));
  await Bun.write(join(root, "conf"), "1");
  await follow(["conf", "src"]);
  expect(await after(() => appendFile(join(root, "conf"), "2"))).toContain("files /conf");
  await Bun.write(join(root, "conf.new"), "3");
  expect(await after(() => rename(join(root, "conf.new"), join(root, "conf")))).toContain("files /conf");
});

test("a folder that is mounted, deleted and made anew goes on being told", async () => {
  await mkdir(join(root, "src"));
  await Bun.write(join(root, "dist/old"), "1");
  await follow(["dist", "src"]);
  expect(await after(() => rm(join(root, "dist"), { recursive: true }))).toContain("gone /dist");
  expect(await after(() => mkdir(join(root, "dist")))).toContain("folders /dist");
  expect(await after(() => mkdir(join(root, "dist/new")))).toContain("folders /dist/new");
});

/** All at once, so that whoever looks finds a folder of the old name. */
const replacements: Readonly<Record<string, (folder: string) => void>> = {
  "made anew": (folder) => {
    rmSync(folder, { recursive: true });
    mkdirSync(join(folder, "sub"), { recursive: true });
  },
  "renamed over": (folder) => {
    mkdirSync(join(`${folder}.new`, "sub"), { recursive: true });
    renameSync(folder, `${folder}.old`);
    renameSync(`${folder}.new`, folder);
    rmSync(`${folder}.old`, { recursive: true });
  },
};

test.each(Object.entries(replacements))("a folder that is %s in a moment goes on being told", async (_how, replace) => {
  const folder = join(root, "src/out");
  await mkdir(join(folder, "sub"), { recursive: true });
  await Bun.write(join(folder, "sub/file"), "1");
  await follow(["src"]);
  expect(await after(async () => replace(folder))).toEqual(
    expect.arrayContaining(["gone /src/out", "folders /src/out"]),
  );
  expect(await after(() => Bun.write(join(folder, "sub/file"), "1"))).toContain("files /src/out/sub/file");
  expect(await after(() => appendFile(join(folder, "sub/file"), "2"))).toContain("files /src/out/sub/file");
});

test("excluded folders, QN_HOME and what links lead to are not watched, and the log says what is excluded", async () => {
  for (const name of ["src/.git", "src/a/.git"]) await mkdir(join(root, name), { recursive: true });
  await mkdir(join(root, "home"));
  await symlink("/etc", join(root, "link"));
  await follow(["src", "home", "link"]);
  expect(heard).toEqual(["there /src", "there /src/a"]);
  expect(logged).toEqual(['changes below folders called ".git" are not watched (changes.exclude)']);
  expect(await after(() => Bun.write(join(root, "src/.git/index"), "1"))).toEqual([]);
});

test("no more is watched than may be, and the log says so once", async () => {
  await mkdir(join(root, "src"));
  for (const name of ["a", "b", "c", "d"]) await Bun.write(join(root, "src", name), "");
  await follow(["src"], { entriesMax: 3 });
  expect(heard).toHaveLength(3);
  expect(logged).toEqual(["not all changes are watched: 3 entries are the most (changes.entriesMax)"]);
});

test("what goes on being mounted is not told anew, and what is mounted no more is silent", async () => {
  for (const name of ["src", "other"]) await Bun.write(join(root, name, "file"), "1");
  await follow(["src", "other"]);
  heard = [];
  await feed.follow([join(root, "src")], () => {});
  const tell = (message: HostMessage): void => {
    if (message.type === "changes") heard.push(...message.files.map((path) => path.slice(root.length)));
  };
  await feed.follow([join(root, "src")], tell);
  await appendFile(join(root, "other/file"), "2");
  await appendFile(join(root, "src/file"), "2");
  await until("the change", 5_000, () => (heard.length > 0 ? true : undefined));
  expect(heard).toEqual(["/src/file"]);
});

test("who asks to catch up is told at once of all that was changed before", async () => {
  await mkdir(join(root, "src/deep"), { recursive: true });
  for (const name of "abcd") await Bun.write(join(root, "src/deep", name), "1");
  await follow(["src"]);
  for (let round = 0; round < 20; round += 1) {
    heard = [];
    const name = "abcd"[round % 4] ?? "";
    await appendFile(join(root, "src/deep", name), "2");
    await mkdir(join(root, "src", `new-${round}`));
    await feed.catchUp([join(root, "src")], () => {});
    expect(heard).toEqual(expect.arrayContaining([`files /src/deep/${name}`, `folders /src/new-${round}`]));
  }
});

test("who asks to catch up where nothing is watched, or where the mark cannot be made, does not wait", async () => {
  await mkdir(join(root, "src"));
  await follow(["src"], { mark: join(root, "nowhere/mark") });
  await feed.catchUp([join(root, "src")], () => {});
  feed.close();
  await feed.catchUp([], () => {});
});
