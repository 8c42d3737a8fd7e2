/** A whole release of this tree, made twice: the programs of four systems, and the guest images that are there. */
import { expect, test } from "bun:test";
import { mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import manifest from "../../package.json";
import { hostTarget } from "../../scripts/support/bun-template.ts";
import { arches } from "../../src/base/words.ts";
import { hashOf } from "../../src/host/image/store.ts";
import { isThere } from "../../src/system/files.ts";
import { newFolder } from "../support/folder.ts";
import { repository, runProgram } from "../support/program.ts";
import { newKeyPair } from "../support/released-image.ts";
import { sharedImages } from "../support/temp-home.ts";

const bothImages = await Promise.all(arches.map((arch) => isThere(join(sharedImages, `debian-${arch}/image.json`))));

test.skipIf(process.platform !== "linux")(
  "scripts/release makes the same files twice, and the program in them says that it is a release",
  async () => {
    await using folder = await newFolder();
    const { privatePem } = newKeyPair();
    await writeFile(join(folder.path, "key.pem"), privatePem);
    const images = bothImages.every(Boolean) ? ["--images", sharedImages, "--level", "3"] : ["--without-images"];
    const made: Record<string, string>[] = [];
    // From two folders: neither they nor the checkout's own path may be in what is made; nor the maker's umask(2).
    for (const [out, cwd, up, mask] of [
      ["one", folder.path, "", "022"],
      ["two", join(folder.path, "below"), "../", "077"],
    ] as const) {
      await mkdir(cwd, { recursive: true });
      const words = ["--trial", "--key", `${up}key.pem`, "--out", `${up}${out}`, ...images];
      const masked = ["sh", "-c", `umask ${mask} && exec "$@"`, "sh"];
      const said = await runProgram([...masked, join(repository, "scripts/release"), ...words], { cwd });
      expect([said.exitCode, said.stderr]).toEqual([0, ""]);
      expect(said.stdout).toContain("This is not a whole release: ");
      const files = join(folder.path, out, `v${manifest.version}`);
      const names = (await readdir(files)).toSorted();
      made.push(
        Object.fromEntries(
          await Promise.all(
            names.map(async (name) => {
              const { mode } = await stat(join(files, name));
              return [name, `${(mode & 0o7777).toString(8)} ${await hashOf(join(files, name))}`] as const;
            }),
          ),
        ),
      );
    }
    expect(made[1]).toEqual(made[0] ?? {});
    expect(Object.keys(made[0] ?? {}).length).toBeGreaterThan(7);

    const title = `qn-${manifest.version}-${hostTarget()}`;
    await mkdir(join(folder.path, "unpacked"));
    await runProgram([
      "tar",
      "-xzf",
      join(folder.path, `one/v${manifest.version}/${title}.tar.gz`),
      "-C",
      join(folder.path, "unpacked"),
    ]);
    const program = join(folder.path, "unpacked", title, "bin/qn");
    expect(Buffer.from(await Bun.file(program).bytes()).includes(repository)).toBe(false);
    const said = await runProgram([program, "--version", "--json"], { env: { QN_HOME: "/nowhere" } });
    const commit = (await runProgram(["git", "rev-parse", "HEAD"], { cwd: repository })).stdout.trim();
    expect(JSON.parse(said.stdout)).toMatchObject({
      schema: 1,
      version: manifest.version,
      build: "release",
      os: process.platform,
    });
    expect(JSON.parse(said.stdout).commit).toStartWith(commit);
    const line = (await runProgram([program, "--version"])).stdout;
    expect(line).toStartWith(`${manifest.version} (release, commit ${commit.slice(0, 12)}`);
  },
  900_000,
);
