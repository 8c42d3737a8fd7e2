/** More changes than the system keeps for a program that stands still, and more folders than it lets a user watch. */
import { expect, test } from "bun:test";
import {
  appendFileSync,
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { newFolder } from "../../../support/folder.ts";
import { until } from "../../../support/until.ts";

const feed = join(import.meta.dir, "../../../../src/host/changes/feed.ts");

/** Watches src below a folder, and says what is told, a line for each path. */
const watcher = `
  import { ChangeFeed } from ${JSON.stringify(feed)};
  const root = process.argv.at(-1);
  const options = { shared: [root], hidden: root + "/home", mark: root + "/mark", exclude: [], entriesMax: 100 };
  const feed = new ChangeFeed(options, (text) => console.log("log", text));
  await feed.follow([root + "/src"], (message) => {
    for (const kind of ["gone", "there", "folders", "files"])
      for (const path of message[kind]) console.log(kind, path.slice(root.length));
  });
`;

test.skipIf(process.platform !== "linux")(
  "what changes while more happens than the system keeps is told, and new folders are watched",
  async () => {
    await using home = await newFolder();
    const src = join(home.path, "src");
    mkdirSync(join(src, "old"), { recursive: true });
    // The system joins what is alike and follows each other.
    const churned = ["one", "two"].map((name) => openSync(join(src, name), "w"));
    await using child = Bun.spawn([process.execPath, "-e", watcher, home.path], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let heard = "";
    const reading = (async () => {
      for await (const chunk of child.stdout) heard += Buffer.from(chunk).toString();
    })();
    const times = (line: string): number => heard.split("\n").filter((each) => each === line).length;
    await until("the first batch", 10_000, () => times("there /src/old") > 0 || undefined);
    child.kill("SIGSTOP");
    const isStopped = (): boolean => / T /.test(readFileSync(`/proc/${child.pid}/stat`, "latin1"));
    await until("it stands still", 5_000, () => isStopped() || undefined);
    const kept = Number(readFileSync("/proc/sys/fs/inotify/max_queued_events", "latin1"));
    for (let events = 0; events < kept; events += 1) for (const fd of churned) writeSync(fd, "x");
    for (const fd of churned) closeSync(fd);
    mkdirSync(join(src, "new/deep"), { recursive: true });
    writeFileSync(join(src, "new/deep/file"), "1");
    rmSync(join(src, "old"), { recursive: true });
    child.kill("SIGCONT");
    await until("the new file", 10_000, () => times("files /src/new/deep/file") > 0 || undefined);
    await until("what has gone", 10_000, () => times("gone /src/old") > 0 || undefined);
    const before = times("files /src/new/deep/file");
    appendFileSync(join(src, "new/deep/file"), "2");
    await until("an edit", 10_000, () => times("files /src/new/deep/file") > before || undefined);
    child.kill("SIGKILL");
    await reading;
    expect(heard).not.toContain("log ");
  },
  60_000,
);

/** In a user namespace of its own a program may have fewer watches (user_namespaces(7)). */
const limited = [
  "unshare",
  "--user",
  "--map-root-user",
  "sh",
  "-c",
  `echo 5 > /proc/sys/user/max_inotify_watches && exec "$@"`,
  "sh",
];
const maySetLimit = Bun.which("unshare") !== null && Bun.spawnSync([...limited, "true"]).exitCode === 0;

test.skipIf(!maySetLimit)(
  "a system that allows no more watches is named once, however many folders there are",
  async () => {
    await using home = await newFolder();
    for (let folder = 0; folder < 30; folder += 1) mkdirSync(join(home.path, "src", `${folder}`), { recursive: true });
    const words = [...limited, process.execPath, "-e", watcher, home.path];
    await using child = Bun.spawn(words, { stdio: ["ignore", "pipe", "inherit"] });
    let heard = "";
    for await (const chunk of child.stdout) {
      heard += Buffer.from(chunk).toString();
      if (heard.split("\n").filter((line) => line.startsWith("there ")).length === 31) break;
    }
    expect(heard.split("\n").filter((line) => line.startsWith("log "))).toEqual([
      "log not all changes are watched: this system lets a user have no more watches (fs.inotify.max_user_watches)",
    ]);
  },
);
