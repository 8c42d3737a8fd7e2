/** Bind sources on real folders: where links lead decides, not what is written, and what is missing is made in a share only. */
import { afterAll, beforeEach, expect, test } from "bun:test";
import { mkdir, mkdtemp, realpath, rm, stat, symlink } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { type SharedWith, settleSources } from "../../../../src/agent/files/bind-sources.ts";
import { failureOf } from "../../../support/failures.ts";
import { isThere } from "../../../../src/system/files.ts";

// In a home folder nothing is the guest's own, so that what no share covers is refused.
const place = await mkdtemp(join(await realpath(homedir()), "qn-test-sources-"));
afterAll(() => rm(place, { recursive: true, force: true }));
const [share, outside] = [join(place, "share"), join(place, "outside")];
const boot: SharedWith = {
  vm: "default",
  home: join(place, "home"),
  shares: [{ tag: "qn0", path: share, folder: share, readOnly: false }],
};

beforeEach(async () => {
  for (const folder of [share, outside]) {
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder);
  }
});

async function settled(path: string, createMissing = false): Promise<string> {
  const [source] = await settleSources([{ path, createMissing }], boot);
  return source?.path ?? "";
}

test("a link within a share is settled where it leads to, and one out of it is refused by where it leads", async () => {
  await mkdir(join(share, "real"));
  await symlink("real", join(share, "within"));
  expect(await settled(join(share, "within/x"))).toBe(join(share, "real/x"));
  await symlink(outside, join(share, "out"));
  await symlink("out", join(share, "twice"));
  await symlink("../outside", join(share, "relative"));
  for (const name of ["out", "twice", "relative"]) {
    const { code, message } = await failureOf(() => settled(join(share, name)));
    expect([code, message]).toEqual([
      "AGENT_FAILED",
      expect.stringContaining(`"${join(share, name)}" leads to "${outside}", which is not mounted from the host.`),
    ]);
  }
});

test("a link into a share from outside of it is as good as what it leads to", async () => {
  await symlink(share, join(outside, "in"));
  expect(await settled(join(outside, "in/x"))).toBe(join(share, "x"));
});

test("links that lead round in a circle end, and are not there", async () => {
  await symlink("b", join(share, "a"));
  await symlink("a", join(share, "b"));
  await symlink(join(outside, "d"), join(outside, "c"));
  await symlink("c", join(outside, "d"));
  // In a share Docker finds out what comes of it.
  expect(await settled(join(share, "a"))).toStartWith(share);
  expect((await failureOf(() => settled(join(outside, "c")))).code).toBe("AGENT_FAILED");
});

test("of several sources one that is refused makes none of the others", async () => {
  const sources = [join(share, "new"), join(outside, "x")].map((path) => ({ path, createMissing: true }));
  const { message } = await failureOf(() => settleSources(sources, boot));
  expect(message).toStartWith(`"${join(outside, "x")}" is not mounted from the host.`);
  expect([await isThere(join(share, "new")), await isThere(join(outside, "x"))]).toEqual([false, false]);
});

test("what is missing in a share is made when Docker would make it, behind a link too, and not otherwise", async () => {
  await mkdir(join(share, "real"));
  await symlink("real", join(share, "link"));
  await settled(join(share, "link/new/deep"), true);
  expect((await stat(join(share, "real/new/deep"))).isDirectory()).toBe(true);
  await settled(join(share, "other"));
  expect(await isThere(join(share, "other"))).toBe(false);
  await Bun.write(join(share, "file"), "");
  const { message } = await failureOf(() => settled(join(share, "file/below"), true));
  expect(message).toStartWith(`"${join(share, "file/below")}" is not there on the host and cannot be made: `);
});
