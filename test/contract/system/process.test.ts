/** Programs that are followed for as long as the one that follows them runs. */
import { expect, test } from "bun:test";
import { join } from "node:path";

const home = join(import.meta.dir, "../../../src/system/process.ts");
const saidBytes = 300_000_000;

/** In a process of its own, whose memory nobody else takes. */
const script = `
  import { followProgram } from ${JSON.stringify(home)};
  const line = "x".repeat(999);
  let lines = 0;
  const before = process.memoryUsage.rss();
  const command = ["sh", "-c", "yes " + line + " | head -c ${saidBytes}"];
  await followProgram(command, () => (lines += 1), new AbortController().signal).catch(() => {});
  console.log(JSON.stringify({ lines, grownBytes: process.memoryUsage.rss() - before }));
`;

test("what a program that is followed has said is not kept", async () => {
  const child = Bun.spawn([process.execPath, "-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  const { lines, grownBytes } = JSON.parse(await new Response(child.stdout).text());
  expect(lines).toBe(saidBytes / 1000);
  expect(grownBytes).toBeLessThan(saidBytes / 2);
}, 60_000);
