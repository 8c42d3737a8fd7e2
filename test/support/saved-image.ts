/** Makes what `docker save` would have written: an image of any size, without a Docker that holds it. */
import { mkdir, rm, truncate } from "node:fs/promises";
import { runProgram } from "./program.ts";

/**
 * Writes an archive for `docker load` to `path`: one layer with one file of `contentBytes` zeros. Gives the image's id,
 * which is the digest of its configuration (image-spec of moby, v1.2).
 */
export async function savedImage(
  path: string,
  { tag, contentBytes }: { readonly tag: string; readonly contentBytes: number },
): Promise<string> {
  const folder = `${path}.parts`;
  await mkdir(folder);
  await Bun.write(`${folder}/content`, "");
  await truncate(`${folder}/content`, contentBytes);
  await pack(folder, "layer.tar", ["content"]);
  const digest = new Bun.CryptoHasher("sha256");
  for await (const bytes of Bun.file(`${folder}/layer.tar`).stream()) digest.update(bytes);
  const config = JSON.stringify({
    architecture: process.arch === "arm64" ? "arm64" : "amd64",
    os: "linux",
    config: {},
    rootfs: { type: "layers", diff_ids: [`sha256:${digest.digest("hex")}`] },
  });
  const id = new Bun.CryptoHasher("sha256").update(config).digest("hex");
  await Bun.write(`${folder}/${id}.json`, config);
  await Bun.write(
    `${folder}/manifest.json`,
    JSON.stringify([{ Config: `${id}.json`, RepoTags: [tag], Layers: ["layer.tar"] }]),
  );
  await pack(folder, path, ["manifest.json", `${id}.json`, "layer.tar"]);
  await rm(folder, { recursive: true });
  return `sha256:${id}`;
}

// --- internal ---

async function pack(folder: string, archive: string, names: readonly string[]): Promise<void> {
  const { exitCode, stderr } = await runProgram(["tar", "-C", folder, "-cf", archive, ...names], { cwd: folder });
  if (exitCode !== 0) throw new Error(stderr);
}
