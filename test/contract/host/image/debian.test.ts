/** Builds that come to nothing; the build that succeeds is what the end-to-end tests boot. */
import { expect, test } from "bun:test";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Arch } from "../../../../src/base/words.ts";
import { buildDebianImage } from "../../../../src/host/image/build/debian.ts";
import { type TempHome, tempHome } from "../../../support/temp-home.ts";

const own: Arch = process.arch === "x64" ? "x86_64" : "aarch64";
const other: Arch = own === "x86_64" ? "aarch64" : "x86_64";

/** Options of a build below `home`, from a mirror that nobody can reach (port 9 of this machine). */
async function options(home: TempHome, arch: Arch) {
  const guestBinary = join(home.path, "qn");
  await writeFile(guestBinary, "the agent");
  return {
    imagesFolder: join(home.path, "_images"),
    cacheFolder: join(home.path, "_cache"),
    arch,
    guestBinary,
    name: "debian",
    mirror: "http://127.0.0.1:9/debian",
  };
}

test("packages that cannot be had are the build's failure, in the words of the program that failed", async () => {
  await using home = await tempHome({ images: false });
  await expect(buildDebianImage(await options(home, own))).rejects.toMatchObject({
    code: "IMAGE_BUILD_FAILED",
    message: expect.stringMatching(/^mmdebstrap ended with exit status \d+\.$/),
    details: expect.arrayContaining([expect.stringContaining("E:")]),
  });
  expect([await readdir(join(home.path, "_images")), await readdir(join(home.path, "_cache"))]).toEqual([[], []]);
}, 60_000);

test("a build that is called off says so and leaves nothing", async () => {
  await using home = await tempHome({ images: false });
  const stop = new AbortController();
  const build = buildDebianImage({
    ...(await options(home, own)),
    signal: stop.signal,
    onProgress: () => stop.abort(),
  });
  await expect(build).rejects.toMatchObject({ code: "INTERRUPTED" });
  expect(await readdir(join(home.path, "_images"))).toEqual([]);
});

test.each([
  ["nothing", undefined],
  ["an emulator that is switched off", "disabled\ninterpreter /usr/bin/qemu\nflags: POCF\n"],
  ["one that the kernel looks for in the tree", "enabled\ninterpreter /usr/bin/qemu\nflags: OC\n"],
])("an image of another architecture is refused before anything is made, where there is %s", async (_, text) => {
  await using home = await tempHome({ images: false });
  const emulators = join(home.path, "emulators");
  await mkdir(emulators);
  if (text !== undefined) await writeFile(join(emulators, `qemu-${other}`), text);
  await expect(buildDebianImage({ ...(await options(home, other)), emulators })).rejects.toMatchObject({
    code: "IMAGE_BUILD_FAILED",
    message: `This machine runs no programs of ${other}, which Debian's packages bring along.`,
  });
  expect((await readdir(home.path)).toSorted()).toEqual(["emulators", "qn"]);
});

test("an image of another architecture is built where the kernel has an emulator open", async () => {
  await using home = await tempHome({ images: false });
  await writeFile(join(home.path, `qemu-${other}`), "enabled\ninterpreter /usr/bin/qemu\nflags: POCF\n");
  const stop = new AbortController();
  const phases: string[] = [];
  const build = buildDebianImage({
    ...(await options(home, other)),
    emulators: home.path,
    signal: stop.signal,
    onProgress: (phase) => {
      phases.push(phase);
      stop.abort();
    },
  });
  await expect(build).rejects.toMatchObject({ code: "INTERRUPTED" });
  expect(phases).toEqual(["Debian packages"]);
});
