/** Which changes are the guest's own, by the kernel's word (fanotify). Needs root on Linux; elsewhere a skip. */
import { expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm, stat, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EchoSuppression } from "../../../../src/agent/changes/echo-suppression.ts";
import { succeed } from "../../../../scripts/support/succeed.ts";
import { until } from "../../../support/until.ts";

const real = test.skipIf(process.platform !== "linux" || process.getuid?.() !== 0);

/** The state of what is not there. */
const nothing = { inode: 0n, size: 0n, modifiedNs: 0n, isFolder: false };

/** How late an agent is on a machine that has too much to do. */
const lateMs = 400;

type Scene = {
  readonly folder: string;
  readonly madeFolders: string[];
  /** A program of the guest's does something in the folder; this process stands for the host. */
  readonly guest: (script: string) => Promise<void>;
  readonly judge: (name: string) => Promise<"own" | "other" | "changing">;
  readonly own: EchoSuppression;
};

async function withScene(
  action: (scene: Scene) => Promise<void>,
  onFolder: (path: string) => void = () => {},
): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), "qn-own-"));
  const folder = join(root, "watched");
  await mkdir(folder);
  const madeFolders: string[] = [];
  const own = new EchoSuppression({
    mark: join(root, "mark"),
    onFolder: (path) => {
      madeFolders.push(path);
      onFolder(path);
    },
  });
  try {
    await own.watch(folder, { path: folder, stats: await stat(folder) });
    const judge: Scene["judge"] = async (name) => {
      const path = join(folder, name);
      const before = own.changesOf(path);
      const state = await own.lookAt(path);
      await own.settled();
      return own.judge(path, state ?? nothing, before);
    };
    await action({
      folder,
      madeFolders,
      guest: async (script) => void (await succeed(["sh", "-c", `cd "$0" && ${script}`, folder])),
      judge,
      own,
    });
  } finally {
    own.close();
    await rm(root, { recursive: true });
  }
}

real("what the guest makes, writes, touches and renames is its own, and so is the folder around it", () =>
  withScene(async ({ guest, judge }) => {
    await guest("echo one >made; echo two >written; touch -d 2001-01-01 touched; echo x >a; mv a renamed");
    const names = ["made", "written", "touched", "renamed", "."];
    expect(await Promise.all(names.map(judge))).toEqual(names.map(() => "own"));
    await guest("echo more >>written; rm made; chmod 600 touched");
    expect([await judge("written"), await judge("touched"), await judge(".")]).toEqual(["own", "own", "own"]);
  }),
);

real("what the host changes is its own, also right after the guest, and also back to what the guest had left", () =>
  withScene(async ({ folder, guest, judge }) => {
    await guest("echo one >file; echo other >other");
    expect(await judge("file")).toBe("own");
    const left = await stat(join(folder, "file"));
    await Bun.write(join(folder, "file"), "edited by the host");
    expect([await judge("file"), await judge("other")]).toEqual(["other", "own"]);
    await Bun.write(join(folder, "file"), "one\n");
    await utimes(join(folder, "file"), left.atime, left.mtimeMs / 1000);
    expect(await judge("file")).toBe("other");
    await Bun.write(join(folder, "new"), "");
    expect([await judge("new"), await judge(".")]).toEqual(["other", "other"]);
    await Bun.write(join(folder, "next"), "in its place");
    await rename(join(folder, "next"), join(folder, "other"));
    expect(await judge("other")).toBe("other");
  }),
);

real("an agent that is late takes for the guest's own what was there when the guest changed it, and no more", () =>
  withScene(
    async ({ guest, judge }) => {
      await guest("mkdir alone changed");
      expect([await judge("alone"), await judge("changed")]).toEqual(["own", "other"]);
    },
    (path) => {
      Bun.sleepSync(lateMs);
      // Right after the event was heard, and before anybody has looked.
      if (path.endsWith("changed")) mkdirSync(join(path, "by-host"));
    },
  ),
);

real("a file that the guest writes all the time is nobody else's, and its own once it is still", () =>
  withScene(async ({ folder, judge }) => {
    const script = "i=0; while [ $i -lt 20000 ]; do echo $i; i=$((i+1)); done >>log";
    const writer = Bun.spawn(["sh", "-c", script], { cwd: folder });
    await until("the log", 10_000, () => (Bun.file(join(folder, "log")).size > 0 ? true : undefined));
    const verdicts = { own: new Set<number>(), changing: new Set<number>(), other: new Set<number>() };
    while (writer.exitCode === null) {
      const { size } = await stat(join(folder, "log"));
      verdicts[await judge("log")].add(size);
    }
    // A writer that loses its processor between a new time and the kernel's event of it is seen halfway, and told of.
    expect(verdicts.other.size).toBeLessThan(Math.max(4, verdicts.changing.size / 10));
    expect(await judge("log")).toBe("own");
  }),
);

real("a file whose folder is not watched is told by itself, and what is not watched any more is not told", () =>
  withScene(async ({ folder, guest, judge, own }) => {
    const single = join(folder, "../single");
    await Bun.write(single, "one");
    await own.watch(single, { path: single, stats: await stat(single) });
    await guest("echo two >../single");
    expect(await judge("../single")).toBe("own");
    own.forget(single);
    await guest("echo three >../single");
    expect(await judge("../single")).toBe("other");
  }),
);

real("a folder that the guest makes is told, and what it has put in by then is its own", () =>
  withScene(async ({ folder, madeFolders, guest, judge, own }) => {
    await guest("mkdir made; echo one >made/file; mkdir made/deep");
    expect(await judge(".")).toBe("own");
    const made = join(folder, "made");
    expect(madeFolders).toEqual([made]);
    await own.watch(made, { path: made, stats: await stat(made) });
    await own.noteAll(made);
    expect([await judge("made"), await judge("made/file"), await judge("made/deep")]).toEqual(["own", "own", "own"]);
    expect(madeFolders).toEqual([made, join(made, "deep")]);
    await guest("echo two >made/second");
    expect([await judge("made/second"), await judge("made")]).toEqual(["own", "own"]);
  }),
);

real("a name that the guest takes while the host tells of it is still the guest's to have taken", () =>
  withScene(async ({ folder, guest, own }) => {
    const path = join(folder, "file");
    await guest("echo one >file");
    await own.settled();
    const { namesTaken } = own;
    await guest("rm file");
    await own.settled();
    own.onTold([path], namesTaken);
    expect(own.hasTakenName(path)).toBe(true);
    own.onTold([path], own.namesTaken);
    expect(own.hasTakenName(path)).toBe(false);
  }),
);
