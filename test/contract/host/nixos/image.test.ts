/** The NixOS image of a flake, with a stand-in for Nix: what it makes is taken into the store of images, or refused. */
import { expect, test } from "bun:test";
import { chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { formatManifest } from "../../../../src/host/image/manifest.ts";
import { findImage, hashOf, verifyImage } from "../../../../src/host/image/store.ts";
import { ownArch } from "../../../../src/system/platform.ts";
import { runProgram } from "../../../support/program.ts";
import { qcow2Head } from "../../../support/qcow2.ts";
import { tempHome } from "../../../support/temp-home.ts";

/**
 * A home, and a `nix` that notes its words and says that it has built an image for `arch`; it fails when `says` is given. qn gets
 * the variables `more`.
 */
async function desk(arch: string, says?: string, more: Readonly<Record<string, string>> = {}) {
  const home = await tempHome({ images: false });
  const at = (name: string): string => join(home.path, name);
  await mkdir(at("made"));
  await mkdir(at("tools"));
  await writeFile(at("made/disk.qcow2"), qcow2Head());
  const disk = { sha256: await hashOf(at("made/disk.qcow2")), sizeBytes: qcow2Head().length, virtualSizeBytes: 6 };
  const manifest = {
    name: "theirs",
    version: "26.05",
    arch,
    protocol: 2,
    recipe: "nixos",
    inputs: "0".repeat(64),
    disk,
  };
  await writeFile(at("made/image.json"), formatManifest(manifest as Parameters<typeof formatManifest>[0]));
  const answer = says === undefined ? `echo '[{"outputs":{"out":"${at("made")}"}}]'` : `echo '${says}' >&2; exit 1`;
  await writeFile(
    at("tools/nix"),
    `#!/bin/sh\necho "$*" >> ${at("told")}\necho "$NIX_SSHOPTS" >> ${at("ssh")}\n${answer}\n`,
  );
  await chmod(at("tools/nix"), 0o755);
  return {
    images: at("_images"),
    build: (...words: readonly string[]) =>
      runProgram([process.execPath, join(import.meta.dir, "../../../../src/main.ts"), "image", "build", ...words], {
        env: { PATH: `${at("tools")}:${process.env["PATH"] ?? ""}`, QN_HOME: home.path, HOME: home.path, ...more },
      }),
    sshOptions: async () => (await readFile(at("ssh"), "utf8")).trim().split("\n"),
    told: async () => (await readFile(at("told"), "utf8")).trim().split("\n"),
    [Symbol.asyncDispose]: () => home[Symbol.asyncDispose](),
  };
}

test("what Nix has built is an image of qn's under the name that was asked for, once", async () => {
  await using at = await desk(ownArch());
  for (const words of ["is built", "is up to date"]) {
    const { exitCode, stderr } = await at.build("--guest", "nixos", "--flake", ".#guest", "--name", "mine");
    expect([exitCode, stderr]).toEqual([0, expect.stringContaining(`Image "mine" for ${ownArch()} ${words}`)]);
  }
  const image = await findImage(at.images, "mine", ownArch());
  expect(image?.manifest).toMatchObject({ name: "mine", version: "26.05", recipe: "nixos" });
  if (image !== undefined) await verifyImage(image);
  const folder = `sha256-${image?.manifest.disk.sha256}`;
  expect((await readdir(at.images)).toSorted()).toEqual([`mine-${ownArch()}`, folder]);
  const attribute = ".#nixosConfigurations.guest.config.system.build.qnImage";
  const words = `--extra-experimental-features nix-command flakes build --no-link --json ${attribute}`;
  expect(await at.told()).toEqual([words, words]);
});

test("an image that is damaged is taken in anew", async () => {
  await using at = await desk(ownArch());
  const words = ["--guest", "nixos", "--flake", ".#guest"] as const;
  await at.build(...words);
  const image = await findImage(at.images, "nixos", ownArch());
  const bytes = Buffer.from(await readFile(image?.disk ?? ""));
  bytes[100] = (bytes[100] ?? 0) ^ 1;
  for (const damaged of [bytes, bytes.subarray(1)]) {
    await writeFile(image?.disk ?? "", damaged);
    expect((await at.build(...words)).stderr).toContain("is built");
    const again = await findImage(at.images, "nixos", ownArch());
    if (again !== undefined) await verifyImage(again);
  }
});

test("a VM builds it for a machine that cannot", async () => {
  for (const [env, store] of [
    [{}, "auto"],
    [{ NIX_REMOTE: "/srv/nix" }, "/srv/nix"],
  ] as const) {
    await using at = await desk(ownArch(), undefined, env);
    const { exitCode } = await at.build("--guest", "nixos", "--flake", ".#guest", "--builder", "web");
    expect(exitCode).toBe(0);
    const [build, copy] = await at.told();
    expect(build).toContain(`--eval-store ${store} --store ssh-ng://root@qn-web`);
    expect(copy).toContain("copy --no-check-sigs --from ssh-ng://root@qn-web ");
    // Nix of old takes quotes for letters of the path.
    for (const options of await at.sshOptions()) expect(options).toMatch(/^-F \/[^' ]+\/web\/ssh_config$/);
  }
});

test("what is no image of this architecture is refused, and what Nix says is shown", async () => {
  const other = ownArch() === "x86_64" ? "aarch64" : "x86_64";
  await using wrong = await desk(other);
  const refused = await wrong.build("--guest", "nixos", "--flake", ".#guest");
  expect([refused.exitCode, refused.stderr]).toEqual([22, expect.stringContaining(`an image for ${other}`)]);
  await using broken = await desk(ownArch(), "error: attribute guest is missing");
  const failed = await broken.build("--guest", "nixos", "--flake", ".#guest");
  expect([failed.exitCode, failed.stderr]).toEqual([22, expect.stringContaining("attribute guest is missing")]);
});

test("words that do not go together are refused", async () => {
  await using at = await desk(ownArch());
  for (const words of [
    ["--guest", "nixos"],
    ["--guest", "arch"],
    ["--flake", ".#guest"],
    ["--builder", "web"],
  ]) {
    expect((await at.build(...words)).exitCode).toBe(1);
  }
});
