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

test.skipIf(!canMount).each([
  ["root", 0, byFuse],
  ["an ordinary user", plainUser, [...byFuse, ...byUser]],
] as const)(
  "calls of POSIX give on a mount that %s serves what they give on the host",
  async (_, uid, differences) => {
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
        expect(expected.filter((line) => !found.has(line))).toEqual([...differences]);
      },
      { uid },
    );
  },
  60_000,
);
