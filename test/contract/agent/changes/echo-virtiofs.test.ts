/** Which changes are the guest's own in mounts of virtiofs, by this kernel's own FUSE: no number tells those apart. */
import { expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdir, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { EchoSuppression } from "../../../../src/agent/changes/echo-suppression.ts";
import { succeed } from "../../../../scripts/support/succeed.ts";
import { plainUser } from "../../../support/fuse-calls.ts";
import { canMount, type FuseMount, inFuseMount } from "../../../support/fuse-mount.ts";
import { until } from "../../../support/until.ts";

test.skipIf(!canMount)("what the guest does in two mounts of virtiofs is its own, and the host's is not", async () => {
  await inFuseMount(async (first) => {
    await inFuseMount(async (second) => {
      const own = new EchoSuppression({ mark: join(first.place, "mark"), onFolder: () => {} });
      const judge = async (path: string) => {
        const before = own.changesOf(path);
        const state = await own.lookAt(path);
        await own.settled();
        return state && own.judge(path, state, before);
      };
      try {
        for (const { at } of [first, second]) await own.watch(at, { path: at, stats: await stat(at) });
        for (const { at } of [first, second])
          await succeed(["sh", "-c", 'cd "$0"; echo 1 >a; echo 2 >>a; mkdir b', at]);
        const entries = [first, second].flatMap(({ at }) => ["a", "b"].map((name) => join(at, name)));
        expect(await Promise.all(entries.map(judge))).toEqual(entries.map(() => "own"));
        await Bun.write(join(second.folder, "a"), "edited by the host");
        expect([await judge(join(second.at, "a")), await judge(join(first.at, "a"))]).toEqual(["other", "own"]);
      } finally {
        own.close();
      }
    });
  });
});

/** Each changes what is in the folder `$1`, and so its time, by a request of that kind. */
const changesOfNames = [
  ["mkdir", 'mkdir "$1/made"'],
  ["rmdir", 'rmdir "$1/folder"'],
  ["rename2", 'mv "$1/file" "$1/moved"'],
  ["rename2", 'mv "$1/file" "$1/folder"'],
  ["link", 'ln "$1/file" "$1/link"'],
  ["unlink", 'rm "$1/file"'],
  ["create", 'echo >"$1/new"'],
] as const;

async function madeFolders({ folder }: FuseMount): Promise<void> {
  for (const index of changesOfNames.keys()) {
    await mkdir(join(folder, `${index}/folder`), { recursive: true });
    await Bun.write(join(folder, `${index}/file`), "");
  }
  await succeed(["chown", "-R", `${plainUser}:${plainUser}`, folder]);
}

test.skipIf(!canMount)(
  "what the guest has done is its own, also where an older answer about the folder comes to its kernel later",
  () =>
    inFuseMount(
      async (mount) => {
        const { at, folder, place } = mount;
        await madeFolders(mount);
        const own = new EchoSuppression({ mark: join(place, "mark"), onFolder: () => {} });
        try {
          for (const [index, [, change]] of changesOfNames.entries()) {
            const watched = join(at, `${index}`);
            await own.watch(watched, { path: watched, stats: await stat(watched) });
            await stat(join(watched, "folder"));
            const script = `cd "$0"; ls hold-getattr; stat --cached=never "$1" & ls held; ${change}; ls release; wait`;
            // Nobody else looks meanwhile.
            spawnSync("sh", ["-c", script, at, `${index}`]);
            await own.settled();
            // As the host tells: it knows the folder's time.
            const { ino, mtimeNs } = await stat(join(folder, `${index}`), { bigint: true });
            const state = { inode: ino, size: 0n, modifiedNs: mtimeNs, isFolder: true };
            expect([change, own.judge(watched, state, own.changesOf(watched))]).toEqual([change, "own"]);
            expect(await own.lookAt(watched)).toMatchObject({ inode: ino, modifiedNs: mtimeNs });
          }
        } finally {
          own.close();
        }
      },
      { flags: ["--lifetime-ms=60000"] },
    ),
);

/** Whether a thread of this process waits for a lock in the kernel. */
async function waitsInKernel(): Promise<true | undefined> {
  const threads = await readdir("/proc/self/task");
  const states = await Promise.all(
    threads.map((each) => readFile(`/proc/self/task/${each}/stat`, "utf8").catch(() => "")),
  );
  return states.some((text) => text.slice(text.lastIndexOf(")") + 2).startsWith("D")) || undefined;
}

test.skipIf(!canMount)(
  "what the guest is just doing to a name is its own, also where the host has it before the guest's kernel says so",
  () =>
    inFuseMount(async (mount) => {
      const { at, place } = mount;
      await madeFolders(mount);
      const own = new EchoSuppression({ mark: join(place, "mark"), onFolder: () => {} });
      try {
        for (const [index, [kind, change]] of changesOfNames.entries()) {
          const watched = join(at, `${index}`);
          await own.watch(watched, { path: watched, stats: await stat(watched) });
          const script = `cd "$0"; ls hold-${kind}; ${change} & ls held; echo "is held"; wait`;
          const changing = Bun.spawn(["sh", "-c", script, at, `${index}`], { stdout: "pipe", stderr: "ignore" });
          for await (const text of changing.stdout) if (Buffer.from(text).includes("is held")) break;
          const judging = (async () => {
            const before = own.changesOf(watched);
            const state = await own.lookAt(watched);
            await own.settled();
            return state && own.judge(watched, state, before);
          })();
          await Promise.race([judging, until("whoever waits for the folder", 10_000, waitsInKernel)]);
          await succeed(["sh", "-c", 'ls "$0/release" 2>&1 || true', at]);
          expect([change, await judging]).toEqual([change, "own"]);
          await changing.exited;
        }
      } finally {
        own.close();
      }
    }),
);
