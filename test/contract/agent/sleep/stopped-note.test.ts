/** The note of stopped containers on a real disk. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stoppedNote } from "../../../../src/agent/sleep/stopped-note.ts";

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "qn-note-"));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

test("a note keeps the ids in their order, root's alone, and goes when nobody is in it", async () => {
  const path = join(folder, "stopped-for-suspend");
  const note = stoppedNote(path);
  expect(await note.read()).toEqual([]);
  const ids = ["b".repeat(64), "a".repeat(64)];
  await note.write(ids);
  expect([await note.read(), (await stat(path)).mode & 0o777]).toEqual([ids, 0o600]);
  await note.write([]);
  expect([await note.read(), await readdir(folder)]).toEqual([[], []]);
});

test("what is no container's id is nobody to start", async () => {
  const path = join(folder, "stopped-for-suspend");
  await Bun.write(path, `../version\n${"a".repeat(63)}\n${"c".repeat(64)}`);
  expect(await stoppedNote(path).read()).toEqual(["c".repeat(64)]);
});
