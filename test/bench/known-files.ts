/**
 * What the server of a mount takes: memory before and with 200,000 files that the guest knows, processor time at rest
 * and of requests. This machine's own FUSE asks (test/support/fuse-mount.ts), so nothing is emulated. For root:
 *
 *   node_modules/.bin/bun test/bench/known-files.ts
 *
 * No other load; 2 minutes and 1 GB of the disk.
 */
import { closeSync, openSync, statSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { inFuseMount } from "../support/fuse-mount.ts";
import { runProgram } from "../support/program.ts";
import { memoryOf } from "../support/resident.ts";

const [folders, filesEach] = [400, 500];
const restMs = 60_000;
/** Of a processor's time in /proc/PID/stat. */
const ticksPerSecond = 100;

await inFuseMount(
  async ({ at, folder, place }) => {
    const servers = await serversOf(place);
    const told = async (what: string): Promise<void> => console.log(`${what}: ${await memoryWords(servers)}`);
    await told("memory, nothing known");
    for (let index = 0; index < folders; index += 1) {
      const each = join(folder, `folder-${index}`);
      await mkdir(each);
      await Promise.all(Array.from({ length: filesEach }, (_, file) => writeFile(join(each, `file-${file}.txt`), "")));
    }
    await told("memory, nothing known, after a moment");
    const known = await timed(servers, () => runProgram(["find", at, "-size", "+1k"]));
    await told(`memory, ${folders * (filesEach + 1)} known`);
    console.log(`find of all: ${known}`);
    const files = Array.from({ length: 10_000 }, (_, index) => join(at, `folder-${index % folders}/file-7.txt`));
    console.log(
      `10,000 opened and closed: ${await timed(servers, () => files.forEach((path) => closeSync(openSync(path, "r"))))}`,
    );
    console.log(`10,000 looked at: ${await timed(servers, () => files.forEach((path) => statSync(path)))}`);
    console.log(`at rest: ${await timed(servers, () => Bun.sleep(restMs))}`);
    await told("memory after that");
  },
  { flags: ["--lifetime-ms=100"] },
);

// --- internal ---

/** Holder and worker. */
async function serversOf(place: string): Promise<readonly number[]> {
  const { stdout } = await runProgram(["pgrep", "-f", `virtiofs .*${place}/s.sock`]);
  return stdout.trim().split("\n").map(Number);
}

async function memoryWords(servers: readonly number[]): Promise<string> {
  const sizes = servers.map(async (pid) => {
    const { Pss, Rss } = await memoryOf(pid);
    return `${Pss.toFixed(0)} MiB (resident ${Rss.toFixed(0)})`;
  });
  return (await Promise.all(sizes)).join(" and ");
}

/** How long it took, and the processor time of each server, in milliseconds. */
async function timed(servers: readonly number[], act: () => unknown): Promise<string> {
  const before = await Promise.all(servers.map(processorMs));
  const from = performance.now();
  await act();
  const tookMs = performance.now() - from;
  const after = await Promise.all(servers.map(processorMs));
  const of = after.map((value, index) => `${value - (before[index] ?? 0)}`).join(" and ");
  return `${tookMs.toFixed(0)} ms, of the servers' processors ${of} ms`;
}

async function processorMs(pid: number): Promise<number> {
  const [, user, system] = /\) (?:\S+ ){11}(\d+) (\d+)/.exec(await readFile(`/proc/${pid}/stat`, "utf8")) ?? [];
  return ((Number(user) + Number(system)) * 1000) / ticksPerSecond;
}
