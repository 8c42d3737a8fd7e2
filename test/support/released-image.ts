/** Releases of small images, as scripts/release-image makes them, with keys that are made for one test. */
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { makeRelease, type ReleaseParts } from "../../scripts/support/release/images.ts";
import { formatManifest, type ImageManifest } from "../../src/host/image/manifest.ts";
import type { Release } from "../../src/host/image/pull/release.ts";
import { hashOf } from "../../src/host/image/store.ts";
import { protocolVersion } from "../../src/protocol/messages.ts";
import { ownArch } from "../../src/system/platform.ts";
import { qcow2Head } from "./qcow2.ts";

/** A pair of ed25519 keys, in PEM. */
export type KeyPair = { readonly privatePem: string; readonly publicPem: string };

/** A new pair of keys. */
export function newKeyPair(): KeyPair {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  return {
    privatePem: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    publicPem: publicKey.export({ type: "spki", format: "pem" }).toString(),
  };
}

/** What an image of a test is: so many bytes of disk that nothing compresses, and whatever else its manifest says. */
export type ImageParts = Partial<ImageManifest> & {
  readonly diskBytes?: number;
  readonly more?: Record<string, string>;
};

/** Makes an image's folder, as a build does. */
export async function newImage(
  folder: string,
  { diskBytes = 600_000, more = {}, ...says }: ImageParts = {},
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const disk = join(folder, "disk.qcow2");
  const head = qcow2Head();
  await writeFile(disk, Buffer.concat([head, randomBytes(diskBytes - head.length)]));
  for (const [name, text] of Object.entries(more)) await writeFile(join(folder, name), text);
  const manifest: ImageManifest = {
    name: "debian",
    version: "13.8",
    arch: ownArch(),
    protocol: protocolVersion,
    recipe: "debian-13/1",
    inputs: "a".repeat(64),
    disk: { sha256: await hashOf(disk), sizeBytes: diskBytes, virtualSizeBytes: 2 ** 30 },
    ...says,
  };
  await writeFile(join(folder, "image.json"), formatManifest(manifest));
}

/** A release in `folder` and the public key of who signed it, in a file beside it. */
export type MadeRelease = {
  readonly folder: string;
  readonly keyFile: string;
  readonly keys: KeyPair;
  readonly release: Release;
};

/** Makes a release of one image, in pieces of 64 KiB. */
export async function newRelease(
  folder: string,
  {
    image = {},
    keys = newKeyPair(),
    ...parts
  }: Partial<Omit<ReleaseParts, "images" | "keys">> & {
    readonly image?: ImageParts;
    readonly keys?: KeyPair;
  } = {},
): Promise<MadeRelease> {
  await newImage(`${folder}.image`, image);
  const release = await makeRelease(folder, {
    images: [`${folder}.image`],
    keys: [keys.privatePem],
    minQn: "0.1.0",
    signedAtMs: 1_000,
    zstd: { level: 1, windowLog: 20 },
    pieceBytes: 65_536,
    ...parts,
  });
  const keyFile = `${folder}.pem`;
  await writeFile(keyFile, keys.publicPem);
  return { folder, keyFile, keys, release };
}
