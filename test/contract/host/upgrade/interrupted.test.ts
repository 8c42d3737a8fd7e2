/** Upgrades that are killed or meet a full disk: there is the old program or the new one, and never none. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { link, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { knownError } from "../../../../src/base/errors.ts";
import { lockFolder } from "../../../../src/system/kernel/lock.ts";
import { testWithChance } from "../../../support/chance.ts";
import { failureOf } from "../../../support/failures.ts";
import { programsMs } from "../../../support/fake-vm.ts";
import { runProgram } from "../../../support/program.ts";
import { standIn } from "../../../support/program-release.ts";
import { until } from "../../../support/until.ts";
import { type UpgradeScene, upgradeScene } from "../../../support/upgrade-scene.ts";

setDefaultTimeout(programsMs);

testWithChance(
  "killed at any moment it leaves the old program or the new one, and the next upgrade is whole",
  async (chance) => {
    await using scene = await upgradeScene();
    const whole = await killed(scene, undefined);
    const seen: (string | undefined)[] = [];
    for (let moment = 0; moment < 12; moment += 1) {
      await rename(join(scene.prefix, "bin/qn"), join(scene.prefix, "bin/qn.previous"));
      await writeFile(join(scene.prefix, "bin/qn"), standIn("0.1.0"), { mode: 0o755 });
      await killed(scene, chance.below(Math.ceil(whole * 1.5)));
      const [now] = await scene.versions();
      expect(["0.1.0", "0.2.0"]).toContain(now ?? "none");
      seen.push(now);
    }
    console.log(`${whole.toFixed(0)} ms, killed 12 times, left ${seen.join(" ")}`);
    await writeFile(join(scene.prefix, "bin/.qn.new"), "half");
    expect(await scene.upgrade("0.1.0")).toBe("0.2.0");
    const { there, known } = await scene.files();
    expect(there.filter((file) => file !== "share/qn/install.json")).toEqual(known);
  },
  programsMs,
);

test("what a kill between two steps leaves can be upgraded and rolled back", async () => {
  await using scene = await upgradeScene();
  const at = (file: string) => join(scene.prefix, file);
  // Between keeping the one before and taking the new one: two names of one file.
  const dots = async () => (await scene.files()).there.filter((file) => file.includes("/."));
  await link(at("bin/qn"), at("bin/qn.previous"));
  expect([await scene.upgrade("0.1.0", "0.1.0"), await dots()]).toEqual(["0.1.0", []]);
  await rm(at("bin/qn.previous"));
  await link(at("bin/qn"), at("bin/qn.previous"));
  expect([await scene.rollBack(), await dots()]).toEqual([["0.1.0"], []]);
  expect(await scene.versions()).toEqual(["0.1.0", "0.1.0"]);
  // While going back: the one before is in place, and that one has a second name only.
  await rename(at("bin/qn.previous"), at("bin/.qn.old"));
  expect(await failureOf(() => scene.rollBack())).toMatchObject({ code: "UPGRADE_REFUSED" });
  expect(await scene.upgrade("0.1.0")).toBe("0.2.0");
  expect([await scene.versions(), await dots()]).toEqual([["0.2.0", "0.1.0"], []]);
});

const canMount =
  process.platform === "linux" &&
  (await runProgram(["unshare", "--mount", "true"]).catch(() => undefined))?.exitCode === 0;

test.skipIf(!canMount)(
  "a disk that is full, however early, leaves the old program, and no half of the new one",
  async () => {
    const small = `/var/tmp/qn-small-${process.pid}`;
    const mount = async (size: number, ...words: readonly string[]) =>
      await runProgram(["mount", "-t", "tmpfs", "-o", [...words, `size=${size}k`].join(","), "small", small]);
    await mkdir(small, { recursive: true });
    expect((await mount(2000)).exitCode).toBe(0);
    try {
      await using scene = await upgradeScene(undefined, small);
      const filler = randomBytes(300_000).toString("hex");
      await scene.releases.add("0.2.0", { "bin/qn": `#!/bin/sh\necho 0.2.0\nexit\n${filler}` });
      const codes: string[] = [];
      // What is there takes some 400 KiB; the archive, what is unpacked, and the program once more come to 2 MB.
      for (let size = 500; codes.at(-1) !== "done"; size += 100) {
        expect((await mount(size, "remount")).exitCode).toBe(0);
        codes.push(
          await scene.upgrade("0.1.0").then(
            () => "done",
            (error: unknown) => knownError(error).code,
          ),
        );
        if (codes.at(-1) === "done") break;
        expect([size, await scene.versions()]).toEqual([size, ["0.1.0", undefined]]);
        expect((await scene.files()).there.filter((file) => file.includes("/."))).toEqual([]);
      }
      expect([codes.length > 5, new Set(codes)]).toEqual([true, new Set(["DISK_FAILED", "UPGRADE_FAILED", "done"])]);
      expect(await scene.versions()).toEqual(["0.2.0", "0.1.0"]);
    } finally {
      await runProgram(["umount", "--lazy", small]);
      await rm(small, { recursive: true, force: true });
    }
  },
);

/** Upgrades in a process that is killed so long after it began; gives back how long it took when it was not. */
async function killed(scene: UpgradeScene, killAfterMs: number | undefined): Promise<number> {
  const script = join(import.meta.dir, "../../../support/inside/upgrade-run.ts");
  const child = Bun.spawn([process.execPath, script, scene.prefix, "0.1.0", join(scene.home, "cache")], {
    stdout: "pipe",
    stderr: "pipe",
  });
  await child.stdout.getReader().read();
  const begin = performance.now();
  if (killAfterMs !== undefined) {
    await Bun.sleep(killAfterMs);
    child.kill("SIGKILL");
  }
  await child.exited;
  if (killAfterMs === undefined && child.exitCode !== 0) throw new Error(await new Response(child.stderr).text());
  const tookMs = performance.now() - begin;
  await until("the lock of the killed upgrade", 5_000, () => {
    const lock = lockFolder(dirname(join(scene.prefix, "share/qn/install.json")));
    lock?.release();
    return lock === undefined ? undefined : true;
  });
  return tookMs;
}
