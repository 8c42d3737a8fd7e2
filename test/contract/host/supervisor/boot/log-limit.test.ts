/** Logs that are kept small while programs have them open. */
import { expect, test } from "bun:test";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { limitLogs } from "../../../../../src/host/supervisor/boot/log-limit.ts";
import { isThere } from "../../../../../src/system/files.ts";
import { until } from "../../../../support/until.ts";

test("a log that grows too large begins anew, for the program that writes it too, and its old content is beside it", async () => {
  const folder = await mkdtemp(join(tmpdir(), "qn-"));
  const [log, other] = [join(folder, "serial.log"), join(folder, "other.log")];
  await writeFile(other, "x".repeat(5_000));
  await writeFile(log, "");
  const limited = limitLogs([log], 1_000);
  const writer = Bun.spawn(["sh", "-c", `exec >>'${log}'; while read -r line; do echo "$line"; done`], {
    stdin: "pipe",
  });
  const say = async (line: string): Promise<void> => {
    void writer.stdin.write(`${line}\n`);
    await writer.stdin.flush();
  };
  try {
    // Of two writes within a millisecond the system may tell only once, so a log may be cut one write late.
    await until("the old content", 10_000, async () => {
      if (await isThere(`${log}.1`)) return true;
      await say("a".repeat(99));
      return undefined;
    });
    await say("end");
    await until("the end", 10_000, async () => ((await readFile(log, "utf8")).endsWith("end\n") ? true : undefined));
    // A writer that is not at the new end would leave a hole before it.
    expect(await readFile(log, "utf8")).toMatch(/^(a{99}\n){0,9}end\n$/);
    expect(await readFile(`${log}.1`, "utf8")).toMatch(/^(a{99}\n){11,}$/);
    expect((await stat(other)).size).toBe(5_000);
  } finally {
    limited.close();
    writer.kill();
    await writer.exited;
    await rm(folder, { recursive: true });
  }
});

test("a log that is too large already is cut at once", async () => {
  const folder = await mkdtemp(join(tmpdir(), "qn-"));
  const log = join(folder, "supervisor.log");
  await writeFile(log, "x".repeat(2_000));
  await writeFile(`${log}.1`, "older");
  limitLogs([log, join(folder, "none.log")], 1_000).close();
  expect([(await stat(log)).size, await readFile(`${log}.1`, "utf8")]).toEqual([0, "x".repeat(2_000)]);
  await rm(folder, { recursive: true });
});
