/**
 * Fetches an image of a release: who signed it is looked at first, and it is put in place in one step, or not at all.
 */
import type { KeyObject } from "node:crypto";
import { mkdir, readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import manifest from "../../../../package.json";
import { messageOf, QnError } from "../../../base/errors.ts";
import { type Arch, byteSize } from "../../../base/words.ts";
import { protocolVersion } from "../../../protocol/messages.ts";
import { pause } from "../../../system/clock.ts";
import { writeFileAtomically } from "../../../system/files.ts";
import { acquireLock, type Lock } from "../../../system/kernel/lock.ts";
import type { VmConfig } from "../../config/schema.ts";
import type { Layout } from "../../layout.ts";
import { freeBytes } from "../copy-disk.ts";
import { formatManifest, imageFiles, type ImageManifest } from "../manifest.ts";
import { newStage } from "../pointers.ts";
import { activateImage, findWholeImage, type StoredImage } from "../store.ts";
import { sweep } from "../sweep.ts";
import { addressOf, releaseSource, type ReleaseSource } from "./addresses.ts";
import { releaseKeyObjects, releaseKeys } from "./keys.ts";
import { openPart } from "./part.ts";
import { type Limits, usualLimits } from "./patience.ts";
import { localPieces, remotePieces } from "./pieces.ts";
import { readRelease, rememberNewest } from "./read-release.ts";
import { imageFor, newestVersions, type ReleasedFile, type ReleasedImage } from "./release.ts";
import { calledOff } from "./ask-server.ts";
import { publicKeyIn } from "./signature.ts";
import { unpack } from "./unpack.ts";

/** What the settings say of fetching. */
export type PullSettings = Pick<VmConfig, "imageUrl" | "imageKey">;

/** Who is told how a pull goes. */
export type PullTold = {
  /** A step has begun, in words for a person. */
  readonly onPhase: (text: string) => void;
  /** So much of the download is there, in bytes. */
  readonly onBytes: (bytes: number, totalBytes: number) => void;
};

/** What to fetch, by which settings, and into which QN_HOME. */
export type PullOptions = PullTold & {
  readonly layout: Pick<Layout, "images" | "cache">;
  readonly settings: PullSettings;
  readonly name: string;
  /** The newest that fits where none is named. */
  readonly version?: string | undefined;
  readonly arch: Arch;
  readonly signal: AbortSignal;
  readonly limits?: Limits;
};

/** Whether there is anywhere to fetch from, and anybody whose images would be taken. */
export function canPull({ imageUrl, imageKey }: PullSettings): boolean {
  return imageUrl !== "none" && (imageKey !== "release" || releaseKeys.length > 0);
}

/** What to do about an image that is missing where `canPull` says no. */
export const wayWithoutPull = "Run: qn image build, or name a mirror of yours by imageUrl and imageKey.";

/**
 * Fetches an image that fits this qn, or finds that it is there: `isNew` is false then. What was fetched in vain, or
 * was called off, is kept, and the next pull goes on with it; the image that is there stays until the new one is whole.
 * Throws IMAGE_UNTRUSTED, IMAGE_PULL_FAILED, IMAGE_MISSING, DISK_FAILED or INTERRUPTED.
 */
export async function pullImage(options: PullOptions): Promise<StoredImage & { readonly isNew: boolean }> {
  const { layout, settings, name, arch, signal, onPhase } = options;
  const keys = await trustedKeys(settings);
  const source = releaseSource(settings.imageUrl);
  if (source === undefined) throw new QnError("IMAGE_MISSING", "imageUrl is none: no image is fetched from anywhere.");
  const { release, address } = await readRelease(source, keys, {
    cacheFolder: layout.cache,
    limits: options.limits ?? usualLimits,
    signal,
  });
  const thisQn = { protocol: protocolVersion, qn: manifest.version };
  await rememberNewest(layout.cache, newestVersions(release, thisQn));
  const wanted = imageFor(release, { ...options, ...thisQn }, address);
  const cache = join(layout.cache, "pull", `${name}-${arch}`);
  await mkdir(cache, { recursive: true, mode: 0o700 });
  const lock = await turnAt(join(cache, "lock"), onPhase, signal);
  try {
    const there = await findWholeImage(layout.images, name, arch);
    if (there !== undefined && isSame(there.manifest, wanted.image)) return { ...there, isNew: false };
    await keepOnly(cache, wanted.files);
    // What killed ones have left takes the room of this one. What cannot be told to be unneeded stays.
    await sweep(layout.images).catch(() => {});
    await requireRoom(options, wanted, source, cache);
    const image = await fetchFiles(options, wanted, source, cache);
    await keepOnly(cache, []);
    return { ...image, isNew: true };
  } finally {
    lock.release();
  }
}

// --- internal ---

/** Room that is left to others. */
const sparedBytes = 64 * 1024 ** 2;

/** How long another process that fetches the same is left alone before the next look. */
const lookAgainMs = 500;

async function trustedKeys({ imageKey }: PullSettings): Promise<readonly KeyObject[]> {
  if (imageKey !== "release") return [publicKeyIn(await readKey(imageKey), imageKey)];
  if (releaseKeys.length > 0) return releaseKeyObjects();
  throw new QnError("IMAGE_UNTRUSTED", "This qn knows nobody who releases images.", {
    hint: "Build one with `qn image build`, or name the public key of a mirror of yours by imageKey (QN_IMAGE_KEY).",
  });
}

async function readKey(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new QnError("IMAGE_UNTRUSTED", `imageKey names ${path}, which cannot be read: ${messageOf(cause)}.`, {
      cause,
    });
  }
}

/** Waits for whoever fetches the same: what it has fetched is there afterwards. */
async function turnAt(path: string, onPhase: PullTold["onPhase"], signal: AbortSignal): Promise<Lock> {
  for (let looks = 0; ; looks += 1) {
    const lock = acquireLock(path);
    if (lock !== undefined) return lock;
    if (looks === 0) onPhase("waiting for another qn that fetches this image");
    await pause(lookAgainMs, signal);
    if (signal.aborted) throw calledOff();
  }
}

function isSame(there: ImageManifest, wanted: ImageManifest): boolean {
  return Bun.deepEquals(imageFiles(there), imageFiles(wanted));
}

/** Removes what was fetched of other files than these. */
async function keepOnly(cache: string, files: readonly ReleasedFile[]): Promise<void> {
  const kept = new Set(["lock", ...files.flatMap(({ download: { sha256 } }) => [sha256, `${sha256}.origin`])]);
  const names = await readdir(cache);
  for (const name of names.filter((each) => !kept.has(each))) await rm(join(cache, name), { force: true });
}

/** Looks for room before anything is asked for. Throws DISK_FAILED. */
async function requireRoom(
  { layout }: PullOptions,
  { files }: ReleasedImage,
  source: ReleaseSource,
  cache: string,
): Promise<void> {
  let needed = sparedBytes;
  for (const { bytes, download } of files) {
    needed += bytes;
    if (source.kind === "web") needed += Math.max(0, download.bytes - (await sizeOf(join(cache, download.sha256))));
  }
  const free = await freeBytes(cache);
  if (free >= needed) return;
  throw new QnError(
    "DISK_FAILED",
    `${layout.images} has ${byteSize(free)} free, and fetching the image takes ${byteSize(needed)}.`,
    { hint: "Free some space, or set QN_HOME to a disk that has some." },
  );
}

async function sizeOf(path: string): Promise<number> {
  return await stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}

async function fetchFiles(
  options: PullOptions,
  { image, files }: ReleasedImage,
  source: ReleaseSource,
  cache: string,
): Promise<StoredImage> {
  const { layout, signal, onPhase } = options;
  const total = files.reduce((sum, { download }) => sum + download.bytes, 0);
  const from = source.kind === "folder" ? source.path : new URL(source.base).host;
  onPhase(`fetching the image "${image.name}" ${image.version} for ${image.arch}, ${byteSize(total)}, from ${from}`);
  await using stage = await newStage(layout.images);
  const staged = join(stage.folder, "image");
  await mkdir(staged);
  let before = 0;
  for (const file of files) {
    const { download } = file;
    const address = addressOf(source, download.name);
    const base = before;
    await using part = source.kind === "web" ? await openPart(join(cache, download.sha256)) : undefined;
    const pieces = (unwanted: AbortSignal) => {
      const told = {
        limits: options.limits ?? usualLimits,
        signal: AbortSignal.any([signal, unwanted]),
        onBytes: (bytes: number) => options.onBytes(base + bytes, total),
      };
      return part === undefined ? localPieces(download, address, told) : remotePieces(download, address, part, told);
    };
    await unpack(pieces, join(staged, file.file), file);
    before += download.bytes;
  }
  await writeFileAtomically(join(staged, "image.json"), formatManifest(image), 0o644);
  if (signal.aborted) throw calledOff();
  return await activateImage(layout.images, staged, image);
}
