/** Calls of POSIX on a folder that qn serves, asked by this kernel's own FUSE, beside the folder itself. */
import { expect, test } from "bun:test";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { plainUser } from "../support/fuse-calls.ts";
import { canMount, inFuseMount } from "../support/fuse-mount.ts";
import { runProgram } from "../support/program.ts";

/** What Linux' FUSE refuses itself, whoever serves; docs/files.md names it. */
const byFuse = ["holes: collapse: 0", "holes: insert: 0"];
/** Links are their user's, and root's attributes are root's. */
const byUser = [
  "modes and owners: chown of a link itself: 0 77 1",
  "attributes: trusted: 0 1",
  "attributes: of a link itself: EPERM 0",
];
/** What a Mac refuses, and docs/files.md names: fallocate, files without a name, and opening one that has lost it. */
const byMac = [
  "handles after unlink: grow: 0 100",
  "handles after unlink: open through proc: ne",
  "holes: fallocate: 0 2162688 256",
  "holes: keep size: 0 2162688",
  "holes: punch: 0 ENXIO",
  "holes: zero range: 0 true",
  "unnamed files: made: true 100640 0",
  "unnamed files: write: 6 secret",
  "unnamed files: linked: 0 secret 1",
  "unnamed files: same: true",
  "unnamed files: never linked: true ENOENT",
  "unnamed files: names: named",
];

test.skipIf(!canMount).each([
  ["root serves", 0, false, byFuse],
  ["an ordinary user serves", plainUser, false, [...byFuse, ...byUser]],
  ["an ordinary user serves as on a Mac", plainUser, true, [...byFuse, ...byUser, ...byMac]],
] as const)(
  "calls of POSIX give on a mount that %s what they give on the host",
  async (_, uid, isMac, differences) => {
    await inFuseMount(
      async ({ at, place }) => {
        await mkdir(join(place, "host"));
        const battery = join(import.meta.dir, "../support/inside/posix-battery.ts");
        const [host, mounted] = await Promise.all(
          [join(place, "host"), at].map((folder) => runProgram([process.execPath, battery, folder])),
        );
        const expected = host?.stdout.trim().split("\n") ?? [];
        const found = new Set(mounted?.stdout.trim().split("\n"));
        expect(expected.length).toBeGreaterThan(200);
        expect(expected.filter((line) => !found.has(line)).toSorted()).toEqual([...differences].toSorted());
      },
      { uid, isMac },
    );
  },
  60_000,
);
