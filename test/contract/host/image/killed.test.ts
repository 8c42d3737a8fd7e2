/** `kill -9` in the middle of taking an image in, and of a start on a new one: afterwards all is as before, or as it should be. */
import { expect, test } from "bun:test";
import { chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { findImage, type StoredImage, verifyImage } from "../../../../src/host/image/store.ts";
import { readVmImages, systemDiskOrigin } from "../../../../src/host/image/vm-images.ts";
import { type Layout, layoutOf } from "../../../../src/host/layout.ts";
import { isThere } from "../../../../src/system/files.ts";
import { ownArch } from "../../../../src/system/platform.ts";
import { findProgram } from "../../../../src/system/process.ts";
import { testWithChance } from "../../../support/chance.ts";
import { doStep, doStepAndKill, killedDuring, succeed } from "../../../support/image-steps.ts";
import { tempHome } from "../../../support/temp-home.ts";

/** How many moments are tried, and how many of them have to be in the middle of something. */
const moments = 10;

async function imageOne({ images }: Layout): Promise<StoredImage> {
  const image = await findImage(images, "one", ownArch());
  if (image === undefined) throw new Error("There is no image.");
  await verifyImage(image);
  return image;
}

testWithChance(
  "an import that is killed at any moment leaves the image that there was, or the new one, and no litter after the next",
  async (chance) => {
    await using home = await tempHome({ images: false });
    const layout = layoutOf(home.path);
    await doStep(home.path, { do: "build", name: "one", mark: 1 });
    const before = await imageOne(layout);
    const file = join(home.path, "_large.qcow2");
    // Some tenths of a second of work: unpacking, looking over, hashing, syncing.
    await succeed(["qemu-img", "create", "-q", "-f", "qcow2", file, "64M"]);
    await succeed(["qemu-io", "-f", "qcow2", "-c", "write -q -P 7 0 64M", file]);
    await succeed(["zstd", "-q", "-1", file]);
    const step = { do: "import", name: "one", mark: 7, file: `${file}.zst` } as const;
    const startedAtMs = performance.now();
    await using other = await tempHome({ images: false });
    await doStep(other.path, step);
    const tookMs = performance.now() - startedAtMs;
    const wanted = (await imageOne(layoutOf(other.path))).id;
    let killed = 0;
    for (let moment = 0; killed < moments; moment += 1) {
      const outcome = await doStepAndKill(home.path, step, chance.below(Math.ceil(tookMs)));
      if (outcome === "killed") killed += 1;
      const now = await imageOne(layout);
      expect([outcome, [before.id, wanted].includes(now.id)]).toEqual([outcome, true]);
      if (now.id !== before.id) await doStep(home.path, { do: "build", name: "one", mark: 1 });
      expect(moment).toBeLessThan(100);
    }
    await doStep(home.path, step);
    expect((await imageOne(layout)).id).toBe(wanted);
    expect((await readdir(layout.images)).toSorted()).toEqual([`one-${ownArch()}`, `sha256-${wanted}`]);
  },
  120_000,
);

testWithChance(
  "a start on a new image that is killed at any moment leaves the VM on the old one, or on the new one, and the next start works",
  async (chance) => {
    await using home = await tempHome({ images: false });
    const layout = layoutOf(home.path);
    const paths = layout.vm("ada");
    const up = { do: "up", vm: "ada", name: "one" } as const;
    await doStep(home.path, { do: "build", name: "one", mark: 1 });
    await doStep(home.path, up);
    await writeFile(paths.dataDisk, "what Docker keeps");
    let killed = 0;
    for (let mark = 2; killed < moments; mark += 1) {
      const before = await imageOne(layout);
      await doStep(home.path, { do: "build", name: "one", mark: mark % 200 });
      const now = await imageOne(layout);
      if ((await doStepAndKill(home.path, up, chance.below(60))) === "killed") killed += 1;
      const known = await readVmImages(paths);
      expect([before.id, now.id]).toContain(known?.current ?? "");
      if (known?.current === now.id) expect(known.previous).toBe(before.id);
      await doStep(home.path, up);
      expect([(await readVmImages(paths))?.current, await readFile(systemDiskOrigin(paths), "utf8")]).toEqual([
        now.id,
        now.id,
      ]);
      expect(await succeed(["qemu-img", "info", "-U", "--output=json", paths.systemDisk])).toContain(now.disk);
      expect(await Bun.file(paths.dataDisk).slice(0, 17).text()).toBe("what Docker keeps");
      expect(mark).toBeLessThan(100);
    }
  },
  120_000,
);

test("a start that is killed once the new system disk is there leaves no note that it lies on the old image", async () => {
  await using home = await tempHome({ images: false });
  const layout = layoutOf(home.path);
  const paths = layout.vm("ada");
  const up = { do: "up", vm: "ada", name: "one" } as const;
  await doStep(home.path, { do: "build", name: "one", mark: 1 });
  await doStep(home.path, up);
  await doStep(home.path, { do: "build", name: "one", mark: 2 });
  // It makes what it is asked for, and is the last thing that its parent sees.
  const tools = join(home.path, "_tools");
  await mkdir(tools);
  await writeFile(
    join(tools, "qemu-img"),
    `#!/bin/sh\n${findProgram("qemu-img")} "$@" && mv "$9" "${paths.systemDisk}"; kill -9 $PPID\n`,
  );
  await chmod(join(tools, "qemu-img"), 0o755);
  expect(await killedDuring(home.path, up, `${tools}:${process.env["PATH"]}`)).toBe(true);
  expect([await isThere(paths.systemDisk), await isThere(systemDiskOrigin(paths))]).toEqual([true, false]);
  // Back on the old image, the disk that lies on the new one would be garbage.
  await doStep(home.path, { do: "rollback", vm: "ada" });
  await doStep(home.path, up);
  expect(await succeed(["qemu-io", "-r", "-c", "read -q -P 1 0 4k", paths.systemDisk])).toBe("");
});
