/** The way to another file system, with a guest that replaces folders by links at the worst moments. */
import { expect, test } from "bun:test";
import { renameSync, symlinkSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cross } from "../../../../src/host/cp/crossing.ts";
import { openFolder } from "../../../../src/host/cp/open-folder.ts";

/** What has arrived (`own/x/d/keys`), the place that a guest sees (`seen`), and what it must not reach (`secret`). */
async function scene(): Promise<AsyncDisposable & { at: (path: string) => string }> {
  const folder = await mkdtemp("/tmp/qn-crossing-");
  const at = (path: string): string => join(folder, path);
  for (const each of ["own/x/d", "seen", "secret"]) await mkdir(at(each), { recursive: true });
  await writeFile(at("own/x/d/keys"), "new");
  await writeFile(at("secret/old"), "old");
  return { at, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
}

/** A signal that is asked between two steps, and acts then. */
function betweenSteps(act: (step: number) => void): AbortSignal {
  let step = 0;
  return Object.assign(new AbortController().signal, { throwIfAborted: () => act(step++) });
}

test.skipIf(process.platform !== "linux")(
  "a link in place of a folder that is being copied is not followed",
  async () => {
    await using here = await scene();
    const [seen, secret] = [here.at("seen"), here.at("secret")];
    // The steps are x, x/d, x/d/keys and its content.
    const signal = betweenSteps((step) => {
      if (step !== 2) return;
      const [aside = ""] = new Bun.Glob(".qn-cp.*").scanSync({ cwd: seen, onlyFiles: false, dot: true });
      renameSync(join(seen, aside, "x/d"), join(seen, "moved"));
      symlinkSync(secret, join(seen, aside, "x/d"));
    });
    {
      await using _copied = await cross(here.at("own/x"), join(seen, "x"), signal);
    }
    expect(await readdir(secret)).toEqual(["old"]);
    expect(await readFile(join(seen, "moved/keys"), "utf8")).toBe("new");
    // The link was removed, and not what it leads to.
    expect(await readdir(seen)).toEqual(["moved"]);
  },
);

test("a link to a folder is opened as none, and a folder is", async () => {
  await using here = await scene();
  symlinkSync(here.at("secret"), here.at("link"));
  const refusal = openFolder(here.at("link")).then(
    () => "opened",
    (error: NodeJS.ErrnoException) => error.code,
  );
  expect(await refusal).toBe("ENOTDIR");
  using folder = await openFolder(here.at("own"));
  expect(await readdir(folder.at)).toEqual(["x"]);
});

test("a copy that is called off leaves nothing beside its place", async () => {
  await using here = await scene();
  const signal = betweenSteps((step) => {
    if (step === 3) throw new Error("called off");
  });
  const [outcome] = await Promise.allSettled([cross(here.at("own/x"), here.at("seen/x"), signal)]);
  expect(outcome?.status === "rejected" && String(outcome.reason)).toContain("called off");
  expect(await readdir(here.at("seen"))).toEqual([]);
});
