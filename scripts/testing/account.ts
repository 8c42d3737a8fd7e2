/** Who the end-to-end tests run as: an ordinary user, and root where this was started as root. */
import { chown, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { isThere, readTextIfThere } from "../../src/system/files.ts";
import { acquireLock } from "../../src/system/kernel/lock.ts";
import { run } from "../../src/system/process.ts";
import { succeed } from "../support/succeed.ts";
import { copyWhole } from "./copy-whole.ts";

/** How to run a program as somebody: words before the command, and the folder that holds the tree for them. */
export type Account = {
  readonly name: string;
  readonly tree: string;
  command(words: readonly string[], env: Record<string, string>): string[];
  /** A new folder of theirs with a short path: Unix sockets in it have at most 103 bytes. */
  newFolder(): Promise<string>;
};

const testUser = "qn-test";

/** Where the locks of trees are: root's alone. */
const locksFolder = "/run";

/** The account that this runs as, with the tree at `root`. */
export function ownAccount(root: string): Account {
  return {
    name: process.getuid?.() === 0 ? "root" : "an ordinary user",
    tree: root,
    command: (words, env) => ["env", ...assignments(env), ...words],
    newFolder: () => mkdtemp("/tmp/qn-"),
  };
}

/**
 * An ordinary user for root's test run: made when it is not there, with a copy of the tree in its home folder, for root's
 * own folders need not be readable. Libraries are linked and not copied; the images in `dist/e2e` stay. Each run has a
 * copy of its own as long as it lives.
 */
export async function ordinaryAccount(root: string): Promise<Account> {
  const { uid, gid, home } = await ensureUser();
  const tree = join(home, firstFree());
  const become = ["setpriv", `--reuid=${uid}`, `--regid=${gid}`, "--init-groups", "--reset-env"];
  await succeed([...become, "mkdir", "-p", join(tree, "dist")]);
  for (const entry of await readdir(tree)) {
    if (entry !== "dist") await rm(join(tree, entry), { recursive: true, force: true });
  }
  for (const entry of await readdir(join(tree, "dist"))) {
    if (entry !== "e2e") await rm(join(tree, "dist", entry), { recursive: true, force: true });
  }
  const pack = ["tar", "-C", root, "--exclude=node_modules", "--exclude=./dist", "--exclude=./.git", "-c", "."];
  const unpack = [...become, "tar", "-C", tree, "-x"];
  const archive = Bun.spawn(pack, { stderr: "inherit" });
  const unpacking = Bun.spawn(unpack, { stdin: archive.stdout, stderr: "inherit" });
  if ((await archive.exited) + (await unpacking.exited) !== 0) throw new Error(`${root} cannot be copied to ${tree}.`);
  await copyWhole(join(root, "node_modules"), tree);
  for (const part of ["qn", ".build-inputs", "tools"]) {
    if (await isThere(join(root, "dist", part))) await copyWhole(join(root, "dist", part), join(tree, "dist"));
  }
  return {
    name: `the ordinary user ${testUser}`,
    tree,
    command: (words, env) => [...become, "env", ...assignments(env), ...words],
    async newFolder() {
      const folder = await mkdtemp("/tmp/qn-");
      await chown(folder, uid, gid);
      return folder;
    },
  };
}

/** The name of the first copy that no other run has: the same one again and again, with its images, for one run at a time. */
export function firstFree(folder = locksFolder): string {
  for (let number = 1; ; number += 1) {
    const name = number === 1 ? "qn" : `qn-${number}`;
    // Held until this process ends.
    if (acquireLock(join(folder, `${testUser}.${name}.lock`)) !== undefined) return name;
  }
}

// --- internal ---

function assignments(env: Record<string, string>): string[] {
  return Object.entries(env).map(([name, value]) => `${name}=${value}`);
}

async function ensureUser(): Promise<{ uid: number; gid: number; home: string }> {
  if ((await passwdEntry()) === undefined) {
    await succeed(["useradd", "--create-home", "--shell", "/bin/bash", testUser]);
  }
  // Where there is KVM, the tests are to use it.
  if (/^kvm:/m.test(await readFile("/etc/group", "utf8")))
    await succeed(["usermod", "--append", "--groups", "kvm", testUser]);
  await ensureSubordinateIds();
  const [, , uid, gid, , home = ""] = (await passwdEntry())?.split(":") ?? [];
  return { uid: Number(uid), gid: Number(gid), home };
}

async function passwdEntry(): Promise<string | undefined> {
  const outcome = await run(["getent", "passwd", testUser]);
  return outcome.exitCode === 0 ? outcome.stdout.trim() : undefined;
}

/** Ids for mmdebstrap's user namespace (subuid(5)). useradd gives them on Debian, but not everywhere. */
async function ensureSubordinateIds(): Promise<void> {
  for (const [file, option] of [
    ["/etc/subuid", "--add-subuids"],
    ["/etc/subgid", "--add-subgids"],
  ] as const) {
    const ranges = ((await readTextIfThere(file)) ?? "").split("\n").filter((line) => line !== "");
    if (ranges.some((line) => line.startsWith(`${testUser}:`))) continue;
    const ends = ranges
      .map((line) => line.split(":").slice(1).map(Number))
      .map(([start = 0, count = 0]) => start + count);
    const first = Math.max(100_000, ...ends);
    await succeed(["usermod", option, `${first}-${first + 65_535}`, testUser]);
  }
}
