/** Makes a VM of an exported file, which is believed in nothing: somebody may have sent it. */
import { createHash, timingSafeEqual } from "node:crypto";
import { type FileHandle, mkdir, open, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { messageOf, QnError } from "../../../base/errors.ts";
import { byteSize } from "../../../base/words.ts";
import { isErrno } from "../../../system/errno.ts";
import { isThere, writeAt, writeFileAtomically } from "../../../system/files.ts";
import { lockFolder } from "../../../system/kernel/lock.ts";
import { diskFailure, freeBytes } from "../../image/copy-disk.ts";
import { wholeGiB } from "../../image/disk.ts";
import { hasDisk, layersFolder } from "../../image/live-disk.ts";
import type { Layout, VmPaths } from "../../layout.ts";
import { writeLayeredVersion } from "../../vm/folder-version.ts";
import { settleUnfinished } from "../../vm/unfinished.ts";
import { removeIfEmpty } from "../collect.ts";
import { arrivalText, arrivingFolder } from "../settle.ts";
import {
  type ArchiveManifest,
  bounds,
  digestBytes,
  mark,
  parseArchiveManifest,
  pieceHeadBytes,
  refused,
} from "./manifest.ts";
import { ByteReader } from "./byte-reader.ts";
import { carriedSettings } from "./settings.ts";

/**
 * Makes the VM, which is there from one moment to the next when all of the file was read and its digest is right;
 * whoever holds the VM's lock next puts its disk in place (`settleVm`). Throws VM_EXISTS, VM_BUSY, ARCHIVE_REFUSED,
 * DISK_FAILED, and INTERRUPTED; then nothing is left.
 */
export async function importVm(
  layout: Layout,
  paths: VmPaths,
  file: string,
  signal: AbortSignal,
): Promise<ArchiveManifest> {
  await settleUnfinished(paths);
  await refuseExisting(paths);
  const layers = layersFolder(paths.dataDisk);
  await mkdir(layers, { recursive: true, mode: 0o700 });
  const lock = lockFolder(layers);
  if (lock === undefined) throw new QnError("VM_BUSY", `Another qn is making the VM "${paths.name}".`);
  const staged = join(layout.home, `.import-${paths.name}`);
  try {
    await rm(staged, { recursive: true, force: true });
    const manifest = await unpack(file, join(layers, ".restored.raw"), signal);
    await stage(staged, paths, manifest);
    await rename(staged, paths.folder);
    return manifest;
  } catch (error) {
    await rm(staged, { recursive: true, force: true });
    // Somebody may have made such a VM meanwhile, whose layers these are.
    await rm(join(layers, ".restored.raw"), { force: true });
    await removeIfEmpty(layers);
    if (signal.aborted) throw new QnError("INTERRUPTED", "The import was called off.", { cause: error });
    if (isErrno(error, "ENOTEMPTY") || isErrno(error, "EEXIST")) await refuseExisting(paths);
    throw error instanceof QnError ? error : await diskFailure(`"${file}" cannot be imported`, layout.data, error);
  } finally {
    lock.release();
  }
}

// --- internal ---

async function refuseExisting(paths: VmPaths): Promise<void> {
  if (await isThere(paths.folder)) throw new QnError("VM_EXISTS", `There is a VM "${paths.name}" already.`);
  if (!(await hasDisk(paths.dataDisk)) && !(await isThere(paths.volumes))) return;
  throw new QnError("VM_EXISTS", `There is data of a deleted VM "${paths.name}" in ${dirname(paths.dataDisk)}.`, {
    hint: `\`qn delete ${paths.name} --data\` deletes it.`,
  });
}

/** The VM's folder, whose disk has yet to be put in its place. */
async function stage(folder: string, paths: VmPaths, { settings, disks, dataVersion }: ArchiveManifest): Promise<void> {
  const at = (path: string): string => join(folder, path.slice(paths.folder.length));
  const arriving = at(arrivingFolder(paths));
  await mkdir(arriving, { recursive: true, mode: 0o700 });
  await writeLayeredVersion({ ...paths, version: at(paths.version) });
  const diskGiB = Math.max(2, wholeGiB(disks[0].sizeBytes));
  await writeFile(at(paths.config), carriedSettings(settings, diskGiB), { mode: 0o600 });
  const arrival = arrivalText({ files: {}, disks: { data: ".restored.raw" }, dataVersion });
  await writeFileAtomically(join(arriving, "arrival.json"), arrival);
}

async function unpack(path: string, target: string, signal: AbortSignal): Promise<ArchiveManifest> {
  const facts = await stat(path).catch((cause: unknown) => {
    throw refused(path, messageOf(cause), cause);
  });
  if (!facts.isFile()) throw refused(path, "it is no file");
  const source = Bun.file(path);
  const head = await source.slice(0, mark.length).bytes();
  if (!mark.equals(head)) throw refused(path, "it is no export of this qn's");
  await using disk = await open(target, "w", 0o600);
  const packed = source.slice(mark.length).stream();
  await using reader = new ByteReader(packed.pipeThrough(new DecompressionStream("zstd")));
  return await readAll(reader, { path, target, disk, signal });
}

type Unpacking = {
  readonly path: string;
  readonly target: string;
  readonly disk: FileHandle;
  readonly signal: AbortSignal;
};

async function readAll(reader: ByteReader, { path, target, disk, signal }: Unpacking): Promise<ArchiveManifest> {
  const hash = createHash("sha256");
  const next = async (length: number): Promise<Buffer> => {
    signal.throwIfAborted();
    const bytes = await reader.read(length).catch((cause: unknown) => {
      throw refused(path, `it is damaged: ${messageOf(cause)}`, cause);
    });
    if (bytes.length < length) throw refused(path, "it ends too early");
    return bytes;
  };
  const hashed = async (length: number): Promise<Buffer> => {
    const bytes = await next(length);
    hash.update(bytes);
    return bytes;
  };
  const length = (await hashed(4)).readUInt32LE();
  if (length > bounds.manifest) throw refused(path, `its manifest has ${length} bytes`);
  const manifest = parseArchiveManifest((await hashed(length)).toString(), path);
  const [{ sizeBytes, dataBytes }] = manifest.disks;
  await requireRoom(path, target, Math.min(sizeBytes, dataBytes));
  let end = 0;
  let left = dataBytes;
  for (;;) {
    const head = await hashed(pieceHeadBytes);
    const offset = Number(head.readBigUInt64LE());
    const bytes = head.readUInt32LE(8);
    if (bytes === 0) break;
    left -= bytes;
    const isRight = bytes <= bounds.piece && offset >= end && offset + bytes <= sizeBytes && left >= 0;
    if (!isRight) throw refused(path, `a piece of ${bytes} bytes at ${offset} is not where one can be`);
    await writeAt(disk, await hashed(bytes), offset);
    end = offset + bytes;
  }
  const digest = await next(digestBytes);
  if (!timingSafeEqual(digest, hash.digest())) throw refused(path, "its digest is not that of its content");
  const more = await reader.read(1).catch((cause: unknown) => {
    throw refused(path, `it is damaged: ${messageOf(cause)}`, cause);
  });
  if (more.length > 0) throw refused(path, "it goes on behind its end");
  await disk.truncate(sizeBytes);
  await disk.sync();
  return manifest;
}

async function requireRoom(path: string, target: string, bytes: number): Promise<void> {
  const free = await freeBytes(target).catch(() => Infinity);
  if (bytes <= free) return;
  throw new QnError("DISK_FAILED", `"${path}" needs ${byteSize(bytes)}, and ${byteSize(free)} are free for it.`);
}
