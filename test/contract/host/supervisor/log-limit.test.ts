/** Logs that are kept small while programs have them open. */
import { expect, test } from "bun:test";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { limitLogs } from "../../../../src/host/supervisor/log-limit.ts";
import { until } from "../../../support/until.ts";

test("a log that grows too large begins anew, for the program that writes it too, and its old content is beside it", async () => {
  const folder = await mkdtemp(join(tmpdir(), "qn-"));
  const [log, other] = [join(folder, "serial.log"), join(folder, "other.log")];
  await writeFile(other, "x".repeat(5_000));
  const limited = limitLogs([log], 1_000);
  const writer = Bun.spawn(["sh", "-c", `exec >>'${log}'; while read -r line; do echo "$line"; done`], {
    stdin: "pipe",
  });
  try {
    const say = async (line: string, size: number): Promise<void> => {
      void writer.stdin.write(`${line}\n`);
      await writer.stdin.flush();
      await until(`a log of ${size} bytes`, 10_000, async () => ((await stat(log)).size === size ? true : undefined));
    };
    await say("a".repeat(600), 601);
    await say("b".repeat(600), 0);
    await say("end", 4);
    expect(await readFile(log, "utf8")).toBe("end\n");
    expect(await readFile(`${log}.1`, "utf8")).toBe(`${"a".repeat(600)}\n${"b".repeat(600)}\n`);
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
