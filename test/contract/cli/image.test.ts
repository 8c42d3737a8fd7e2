/** `qn image ls`, `rm`, `prune`, `import` and `rollback` as a person types them. */
import { expect, test } from "bun:test";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { layoutOf } from "../../../src/host/layout.ts";
import { ownArch } from "../../../src/system/platform.ts";
import { doStep, makeTinyDisk } from "../../support/image-steps.ts";
import { repository, runProgram } from "../../support/program.ts";
import { tempHome } from "../../support/temp-home.ts";

/** A QN_HOME, and qn in it: its exit status, what it says, and what it prints. */
async function scene() {
  const home = await tempHome({ images: false });
  const qn = async (...words: readonly string[]) => {
    const env = { PATH: process.env["PATH"], HOME: home.path, QN_HOME: home.path };
    const ran = await runProgram([process.execPath, join(repository, "src/main.ts"), "image", ...words], { env });
    return { ...ran, said: ran.stderr.replaceAll(home.path, "~").trim().split("\n") };
  };
  return { ...layoutOf(home.path), qn, [Symbol.asyncDispose]: () => home[Symbol.asyncDispose]() };
}

test("the list says who needs which image, what it takes on disk, and what is newer", async () => {
  await using at = await scene();
  await doStep(at.home, { do: "build", name: "one", mark: 1 });
  await doStep(at.home, { do: "up", vm: "ada", name: "one" });
  await doStep(at.home, { do: "build", name: "one", mark: 2 });
  await doStep(at.home, { do: "up", vm: "bob", name: "one" });
  await doStep(at.home, { do: "up", vm: "ada", name: "one" });
  await mkdir(at.cache, { recursive: true });
  await writeFile(join(at.cache, "newest.json"), JSON.stringify({ [`one-${ownArch()}`]: { version: "10" } }));
  const listed = JSON.parse((await at.qn("ls", "--json")).stdout) as readonly Record<string, unknown>[];
  expect(listed).toMatchObject([
    {
      names: [`one-${ownArch()}`],
      version: "2",
      newer: "10",
      usedBy: [
        { vm: "ada", as: "system disk" },
        { vm: "bob", as: "system disk" },
      ],
    },
    { names: [], version: "1", newer: null, usedBy: [{ vm: "ada", as: "before" }] },
  ]);
  expect(listed.map(({ usedBytes }) => Number(usedBytes) > 0 && Number(usedBytes) < 2 ** 20)).toEqual([true, true]);
  const { stdout } = await at.qn("ls");
  expect(stdout).toMatch(/one +\w+ +2 \(10 is out\) +[0-9a-f]{12} +\d+ KiB +ada, bob\n\(none\) .* ada \(before\)\n$/);
});

test("an image that a VM needs is not removed, and with --force only that of a VM that is stopped", async () => {
  await using at = await scene();
  await doStep(at.home, { do: "build", name: "one", mark: 1 });
  await doStep(at.home, { do: "up", vm: "ada", name: "one" });
  const refused = await at.qn("rm", "one");
  expect([refused.exitCode, refused.said]).toEqual([
    23,
    [
      expect.stringContaining(`The system disk of the VM "ada" lies on the image "one-${ownArch()}". [IMAGE_IN_USE]`),
      expect.stringContaining("Delete the VM with qn delete"),
    ],
  ]);
  const removed = await at.qn("rm", "one", "--force");
  expect([removed.exitCode, removed.said[1]]).toEqual([0, expect.stringMatching(/\d+ KiB are free again\.$/)]);
  // The VM has a new system disk once there is an image again.
  await doStep(at.home, { do: "build", name: "one", mark: 2 });
  await doStep(at.home, { do: "up", vm: "ada", name: "one" });
});

test("a file is taken in by its own name, and pruned by what nobody needs, which is said before", async () => {
  await using at = await scene();
  await mkdir(join(at.home, "_files"));
  await makeTinyDisk(join(at.home, "_files/mine.disk.qcow2"), 1);
  const taken = await at.qn("import", join(at.home, "_files/mine.disk.qcow2"));
  expect([taken.exitCode, taken.said.at(-1)]).toEqual([0, expect.stringContaining('Image "mine" imported-')]);
  expect((await at.qn("prune")).said).toEqual([expect.stringContaining("There is nothing to remove.")]);
  const dry = await at.qn("prune", "--all", "--dry-run");
  expect([dry.stdout, dry.said]).toEqual([
    expect.stringContaining(`mine-${ownArch()}`),
    [expect.stringMatching(/ of 1 image would be free again\.$/)],
  ]);
  const pruned = JSON.parse((await at.qn("prune", "--all", "--json")).stdout) as Record<string, unknown>;
  expect(pruned).toMatchObject({ removed: true, images: [{ names: [`mine-${ownArch()}`] }] });
  expect((await at.qn("ls", "--json")).stdout.trim()).toBe("[]");
});

test("a VM goes back by name, and says to what", async () => {
  await using at = await scene();
  for (const mark of [1, 2]) {
    await doStep(at.home, { do: "build", name: "one", mark });
    await doStep(at.home, { do: "up", vm: "ada", name: "one" });
  }
  const back = await at.qn("rollback", "ada");
  expect([back.exitCode, back.said[0]]).toEqual([
    0,
    expect.stringContaining('The VM "ada" starts on the image "one" 1 next, as it did before.'),
  ]);
  expect((await at.qn("rollback", "nobody")).exitCode).toBe(4);
});
