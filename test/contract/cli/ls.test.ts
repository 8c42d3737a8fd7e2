/** `qn ls` of many VMs of which some are broken: each in its own way, none in the way of the others. */
import { afterAll, expect, test } from "bun:test";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { repository, runProgram } from "../../support/program.ts";

const home = await mkdtemp("/tmp/qn-ls-");
afterAll(() => rm(home, { recursive: true, force: true }));

/** A VM's folder with these files. */
async function vm(name: string, files: Readonly<Record<string, string>> = {}): Promise<string> {
  const folder = join(home, name);
  await mkdir(folder);
  for (const [file, text] of Object.entries(files)) await writeFile(join(folder, file), text);
  return folder;
}

test("qn ls shows every VM, the broken ones as such, and waits for none of them", async () => {
  for (let index = 1; index <= 6; index += 1) await vm(`vm${index}`, { "config.yaml": "cpus: 1\nmemoryMiB: 600\n" });
  await writeFile(join(home, "vm1/lock"), "");
  await vm("wrong", { "config.yaml": "cpus: none\n" });
  await vm("stale", { "control.sock": "no socket", "qmp.sock": "neither" });
  await mkdir(join(await vm("strange"), "config.yaml"));
  // How long the silent one is waited for, which the program's own start has no part in.
  const waited = Promise.withResolvers<number>();
  const silent = Bun.listen<{ readonly beganMs: number }>({
    unix: join(await vm("silent"), "control.sock"),
    socket: {
      data() {},
      open: (socket) => void (socket.data = { beganMs: performance.now() }),
      close: (socket) => waited.resolve(performance.now() - socket.data.beganMs),
    },
  });
  try {
    const listed = await runProgram([process.execPath, join(repository, "src/main.ts"), "ls", "--json"], {
      env: { QN_HOME: home },
    });
    expect(await waited.promise).toBeLessThan(1_900);
    const rows = JSON.parse(listed.stdout) as { name: string; state: string; reason: string | null; cpus?: number }[];
    const seen = rows.map(({ name, state, reason, cpus }) => [
      name,
      state,
      reason,
      name.startsWith("vm") ? cpus : null,
    ]);
    expect([listed.exitCode, listed.stderr, seen]).toEqual([
      0,
      "",
      [
        ["silent", "degraded", "The supervisor does not answer.", null],
        ["stale", "stopped", "It was never started.", null],
        ["strange", "failed", `${home}/strange/config.yaml cannot be used: it is no file.`, null],
        ...[1, 2, 3, 4, 5, 6].map((index) => [
          `vm${index}`,
          "stopped",
          index === 1 ? null : "It was never started.",
          1,
        ]),
        ["wrong", "failed", `A setting is wrong. cpus must be a number, got "none" (${home}/wrong/config.yaml)`, null],
      ],
    ]);
  } finally {
    silent.stop(true);
  }
});
