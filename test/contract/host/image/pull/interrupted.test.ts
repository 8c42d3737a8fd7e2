/** A pull that ends in the middle of it: killed at any moment, or for want of room. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { statfsSync, writeFileSync } from "node:fs";
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { sweep } from "../../../../../src/host/image/sweep.ts";
import { layoutOf } from "../../../../../src/host/layout.ts";
import { ownArch } from "../../../../../src/system/platform.ts";
import { run } from "../../../../../src/system/process.ts";
import { testWithChance } from "../../../../support/chance.ts";
import { failureOf } from "../../../../support/failures.ts";
import { programsMs } from "../../../../support/fake-vm.ts";
import { repository } from "../../../../support/program.ts";
import { type PullScene, pullScene } from "../../../../support/pull-scene.ts";
import { newImage } from "../../../../support/released-image.ts";
import type { Call } from "../../../../support/release-server.ts";

setDefaultTimeout(programsMs);

/** `qn image pull`. */
function pullProgram({ layout, made, server }: PullScene) {
  return Bun.spawn([process.execPath, join(repository, "src/main.ts"), "image", "pull"], {
    env: { ...process.env, QN_HOME: layout.home, QN_IMAGE_URL: server.base, QN_IMAGE_KEY: made.keyFile },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
}

/** Sends the honest answer bit by bit, and tells how far it is. */
async function drip({ response, status, headers, file, start }: Call, onSent: (end: number) => void): Promise<void> {
  response.writeHead(status, headers);
  for (let at = start; at < file.length && !response.destroyed; at += 40_000) {
    const end = Math.min(file.length, at + 40_000);
    await new Promise((resolve) => response.write(file.subarray(at, end), resolve));
    onSent(end);
    await Bun.sleep(2);
  }
  response.end();
}

testWithChance(
  "a pull that is killed at ten moments leaves the old image or the new one, and the last one goes on and cleans up",
  async (chance) => {
    let killAt = 0;
    let kill = (): void => {};
    await using scene = await pullScene((call) => drip(call, (end) => void (end >= killAt && kill())), {
      diskBytes: 2_000_000,
    });
    const folder = join(scene.layout.images, `debian-${ownArch()}`);
    const total = scene.made.release.images[0]?.files[0]?.download.bytes ?? 0;
    await newImage(folder, { version: "12.0" });
    const versions = [];
    for (let round = 0; round < 10; round += 1) {
      // Three times of ten everything was sent, and it is unpacked, compared or put in place.
      killAt = round < 7 ? chance.below(total) : total;
      const child = pullProgram(scene);
      const afterMs = round < 7 ? 0 : chance.below(60);
      kill = () => void setTimeout(() => child.kill("SIGKILL"), afterMs);
      await child.exited;
      const version = await scene.version();
      expect(["12.0", "13.8"]).toContain(version ?? "none");
      versions.push(version);
      if (version !== "13.8") continue;
      await rm(folder, { recursive: true });
      await newImage(folder, { version: "12.0" });
    }
    expect(versions).toContain("12.0");
    killAt = Number.POSITIVE_INFINITY;
    const last = pullProgram(scene);
    expect([await last.exited, await new Response(last.stderr).text()]).toEqual([
      0,
      expect.stringContaining("is fetched"),
    ]);
    expect([await scene.version(), await scene.left()]).toEqual([
      "13.8",
      { images: [`debian-${ownArch()}`], parts: [] },
    ]);
    expect(scene.server.seen.some(({ range, ifRange }) => range !== undefined && ifRange !== undefined)).toBe(true);
  },
  programsMs,
);

test("what a killed pull has staged is pruned, and what one that lives stages is not", async () => {
  let kill = (): void => {};
  await using scene = await pullScene((call) => drip(call, (end) => void (end >= 300_000 && kill())));
  const { images } = scene.layout;
  const child = pullProgram(scene);
  kill = () => child.kill("SIGKILL");
  await child.exited;
  kill = () => {};
  // As pulls of an older qn were called.
  await mkdir(join(images, `.pull-debian-${ownArch()}`));
  expect((await scene.left()).images).toHaveLength(2);
  expect((await sweep(images)).map(({ id }) => id)).toEqual([null, null]);
  expect((await scene.left()).images).toEqual([]);
  const freed: unknown[] = [];
  let sweeps: Promise<void> | undefined;
  await scene.pull({
    onBytes: () => {
      sweeps ??= sweep(images).then((each) => void freed.push(...each));
    },
  });
  await sweeps;
  expect([freed, await scene.version()]).toEqual([[], "13.8"]);
});

test("Ctrl-C ends qn image pull with what to do, and nothing of an image", async () => {
  let kill = (): void => {};
  await using scene = await pullScene((call) => drip(call, (end) => void (end >= 200_000 && kill())));
  const child = pullProgram(scene);
  kill = () => child.kill("SIGINT");
  const said = await new Response(child.stderr).text();
  expect([await child.exited, said]).toEqual([130, expect.stringContaining("it goes on from there.")]);
  expect([await scene.version(), (await scene.left()).images]).toEqual([undefined, []]);
});

/** A small disk of its own, to fill; only root can mount one. */
const withDisk = test.skipIf(process.platform !== "linux" || process.getuid?.() !== 0);

/** Calls `action` with a QN_HOME on a disk of so many MiB. */
async function onSmallDisk(
  scene: PullScene,
  mebibytes: number,
  action: (home: string) => Promise<void>,
): Promise<void> {
  const home = join(scene.layout.home, "_small");
  await mkdir(home);
  const mounted = await run(["mount", "-t", "tmpfs", "-o", `size=${mebibytes}m`, "qn-test", home]);
  expect(mounted.stderr).toBe("");
  try {
    await action(home);
  } finally {
    await run(["umount", home]);
  }
}

withDisk("a disk without room for the image is told of before anything is fetched", async () => {
  await using scene = await pullScene(undefined, { diskBytes: 1_000_000 });
  await onSmallDisk(scene, 65, async (home) => {
    const { code, message } = await failureOf(() => scene.pull({ layout: layoutOf(home) }));
    const words = `${home}/_images has 65 MiB free, and fetching the image takes 65.9 MiB.`;
    expect([code, message]).toEqual(["DISK_FAILED", words]);
    expect(scene.server.seen).toEqual([]);
  });
});

withDisk("a disk that fills up meanwhile ends the pull, and with room it goes on where it was", async () => {
  await using scene = await pullScene(undefined, { diskBytes: 3_000_000 });
  await onSmallDisk(scene, 80, async (home) => {
    const layout = layoutOf(home);
    const full = join(home, "full");
    scene.server.misbehave = ({ index }) => {
      const { bavail, bsize } = statfsSync(home);
      if (index === 0) writeFileSync(full, Buffer.alloc(bavail * bsize - 2_000_000));
      return "honest";
    };
    const error = await scene.pull({ layout }).catch((cause: unknown) => cause);
    expect(error).toMatchObject({ code: "ENOSPC" });
    expect(await readdir(layout.images)).toEqual([]);
    await rm(full);
    await scene.pull({ layout });
    expect(scene.server.seen.map(({ range }) => range)).toEqual([
      undefined,
      expect.stringMatching(/^bytes=[1-9]\d+-$/),
    ]);
  });
});
