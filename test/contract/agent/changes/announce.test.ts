/** What an announced change raises, and that it changes nothing. Needs Linux; elsewhere a skip. */
import { expect, test } from "bun:test";
import { chmod, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { announceFile, announceFolder } from "../../../../src/agent/changes/announce.ts";
import { until } from "../../../support/until.ts";
import { watchedEvents, watchProgram } from "../../../support/watch-program.ts";

const real = test.skipIf(process.platform !== "linux" || process.arch !== "x64");

/** Announces a file, a program and a folder; each with the events that a watch on the folder around them has. */
async function announced(folder: string): Promise<string[]> {
  const watch = join(folder, "watch");
  const output = join(folder, "events");
  const watched = join(folder, "watched");
  await writeFile(watch, watchProgram(), { mode: 0o755 });
  await Bun.write(join(watched, "file"), "content");
  await Bun.write(join(watched, "program"), "content");
  await chmod(join(watched, "program"), 0o755);
  await Bun.write(join(watched, "sub/file"), "");
  const child = Bun.spawn([watch, watched], { stdout: Bun.file(output) });
  try {
    const events = async (): Promise<string[]> => watchedEvents(Buffer.from(await Bun.file(output).arrayBuffer()));
    await until("the watch", 5_000, () => (Bun.file(output).size > 0 ? true : undefined));
    const pin = async (name: string) => ({ path: join(watched, name), stats: await stat(join(watched, name)) });
    await announceFile(await pin("file"));
    await announceFile(await pin("program"));
    await announceFolder(await pin("sub"));
    return await until("the events", 5_000, async () => {
      const all = await events();
      return all.includes("1 ATTRIB sub") ? all : undefined;
    });
  } finally {
    child.kill();
    await child.exited;
  }
}

real("a file is modified by a write of no bytes, a program and a folder by a change to the same owner", async () => {
  const folder = await mkdtemp(join(tmpdir(), "qn-announce-"));
  try {
    expect(await announced(folder)).toEqual([
      "1 MODIFY file",
      "1 CLOSE_WRITE file",
      "1 ATTRIB program",
      "1 ATTRIB sub",
    ]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

real("content, times, mode and owner stay what they were", async () => {
  const folder = await mkdtemp(join(tmpdir(), "qn-announce-"));
  try {
    const file = join(folder, "file");
    await Bun.write(file, "content");
    const before = await stat(file, { bigint: true });
    await announceFile({ path: file, stats: await stat(file) });
    const after = await stat(file, { bigint: true });
    const facts = ({ mtimeNs, ctimeNs, mode, uid, gid, size }: typeof before) => [
      mtimeNs,
      ctimeNs,
      mode,
      uid,
      gid,
      size,
    ];
    expect(facts(after)).toEqual(facts(before));
    expect(await Bun.file(file).text()).toBe("content");
  } finally {
    await rm(folder, { recursive: true });
  }
});
