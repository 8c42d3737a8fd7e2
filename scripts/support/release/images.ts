/** Makes a release of images: what `qn image pull` reads, from images as `qn image build` leaves them. */
import { createHash, createPrivateKey } from "node:crypto";
import { copyFile, mkdir, open, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseManifest } from "../../../src/host/image/manifest.ts";
import { parseRelease, type Release, releaseFiles, type ReleasedFile } from "../../../src/host/image/pull/release.ts";
import { signatureOf } from "../../../src/host/image/pull/signature.ts";
import { hashOf } from "../../../src/host/image/store.ts";
import { run } from "../../../src/system/process.ts";

/** How much of a download is compared at once, in bytes: what is fetched in vain when a byte is wrong. */
const pieceBytes = 4 * 1024 ** 2;

/** What every zstd decodes without being asked to take more memory (RFC 8878 and zstd's own default: 2^27 bytes). */
export const zstdWindowLog = 27;

/** What a release is made of. `images` are folders with an image.json, the newest first. */
export type ReleaseParts = {
  readonly images: readonly string[];
  /** Private keys of ed25519 in PEM, as text: the release is signed with each. */
  readonly keys: readonly string[];
  /** The oldest qn that can boot them. */
  readonly minQn: string;
  readonly signedAtMs: number;
  /** zstd's level, and its window as a power of two in bytes; nothing leaves the files as they are. */
  readonly zstd?: { readonly level: number; readonly windowLog: number };
  readonly pieceBytes?: number;
};

/** Writes the release into `folder`, which is made if needed. Throws when an image is not whole. */
export async function makeRelease(folder: string, parts: ReleaseParts): Promise<Release> {
  await mkdir(folder, { recursive: true });
  const images: Release["images"] = [];
  for (const image of parts.images) images.push(await releasedImage(folder, image, parts));
  const text = `${JSON.stringify({ format: 1, signedAtMs: parts.signedAtMs, images }, undefined, 1)}\n`;
  const release = parseRelease(text, folder);
  const signatures = parts.keys.map((key) => signatureOf(Buffer.from(text), createPrivateKey(key)));
  await writeFile(join(folder, releaseFiles.list), text);
  await writeFile(join(folder, releaseFiles.signatures), signatures.join(""));
  return release;
}

// --- internal ---

async function releasedImage(folder: string, from: string, parts: ReleaseParts): Promise<Release["images"][number]> {
  const path = join(from, "image.json");
  const image = parseManifest(await readFile(path, "utf8"), path);
  const names = (await readdir(from)).filter((name) => !name.endsWith(".json")).toSorted();
  const title = `${image.name}-${image.version}-${image.arch}-${image.disk.sha256.slice(0, 8)}`;
  const files: ReleasedFile[] = [];
  for (const file of names) {
    const download = await packed(join(from, file), folder, `${title}.${file}`, parts);
    const { size } = await stat(join(from, file));
    files.push({ file, bytes: size, sha256: await hashOf(join(from, file)), download });
  }
  return { image, minQn: parts.minQn, files };
}

async function packed(
  path: string,
  folder: string,
  title: string,
  parts: ReleaseParts,
): Promise<ReleasedFile["download"]> {
  const compression = parts.zstd === undefined ? "none" : "zstd";
  const name = compression === "zstd" ? `${title}.zst` : title;
  const target = join(folder, name);
  if (parts.zstd === undefined) await copyFile(path, target);
  else {
    const { level, windowLog } = parts.zstd;
    const command = ["zstd", "-q", "-f", "-T0", ...(level > 19 ? ["--ultra"] : []), `-${level}`, `--long=${windowLog}`];
    const { exitCode, stderr } = await run([...command, path, "-o", target]);
    if (exitCode !== 0) throw new Error(`zstd cannot compress ${path}: ${stderr}`);
  }
  return { name, compression, ...(await piecesOf(target, parts.pieceBytes ?? pieceBytes)) };
}

async function piecesOf(
  path: string,
  pieceBytes: number,
): Promise<Omit<ReleasedFile["download"], "name" | "compression">> {
  const whole = createHash("sha256");
  const pieces: string[] = [];
  await using file = await open(path);
  const { size: bytes } = await file.stat();
  for (let at = 0; at < bytes; at += pieceBytes) {
    const length = Math.min(pieceBytes, bytes - at);
    const { buffer } = await file.read(new Uint8Array(length), 0, length, at);
    whole.update(buffer);
    pieces.push(createHash("sha256").update(buffer).digest("hex"));
  }
  return { bytes, sha256: whole.digest("hex"), pieceBytes, pieces };
}
