/** Writes a stopped VM's data and settings into one file. */
import { createHash, randomBytes } from "node:crypto";
import { link, open, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { QnError } from "../../../base/errors.ts";
import type { Arch } from "../../../base/words.ts";
import { isErrno } from "../../../system/errno.ts";
import { isThere, readTextIfThere } from "../../../system/files.ts";
import { diskFailure } from "../../image/copy-disk.ts";
import { dataVersionText } from "../../image/data-version.ts";
import { type DiskFile, liveDisk } from "../../image/live-disk.ts";
import { sizeOfDisk } from "../../image/disk.ts";
import type { VmPaths } from "../../layout.ts";
import { type ArchiveManifest, mark, pieceHeadBytes } from "./manifest.ts";
import { dataBytesOf, piecesOf } from "./pieces.ts";
import { settingsToCarry } from "./settings.ts";

/** What an export is made of, besides the VM: its guest's architecture, this qn, and the time. */
export type ExportFacts = { readonly arch: Arch; readonly qn: string; readonly madeAtMs: number };

/**
 * Writes the file, which only its owner can read, and gives back its size in bytes and the names of settings that stay
 * behind; the caller holds the VM's lock. Throws USAGE when there is such a file, NO_SUCH_VM when there is no data,
 * DISK_FAILED, and INTERRUPTED; then there is no file.
 */
export async function exportVm(
  paths: VmPaths,
  file: string,
  facts: ExportFacts,
  signal: AbortSignal,
): Promise<{ readonly bytes: number; readonly leftOut: readonly string[] }> {
  const disk = await liveDisk(paths.dataDisk);
  if (!(await isThere(disk.path))) {
    throw new QnError("NO_SUCH_VM", `The VM "${paths.name}" has no data yet.`, { hint: "`qn up` makes it." });
  }
  if (await isThere(file)) throw existing(file);
  const sizeBytes = await sizeOfDisk(disk);
  const carried = settingsToCarry(Bun.YAML.parse((await readTextIfThere(paths.config)) ?? ""));
  const dataBytes = await dataBytesOf(disk, sizeBytes);
  const manifest: ArchiveManifest = {
    format: 1,
    ...facts,
    dataVersion: await dataVersionText(paths),
    ...carried,
    disks: [{ name: "data", sizeBytes, dataBytes }],
  };
  const made = `${file}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    const bytes = await write(made, manifest, disk, signal);
    await link(made, file);
    return { bytes, leftOut: carried.leftOut };
  } catch (error) {
    if (isErrno(error, "EEXIST")) throw existing(file);
    if (signal.aborted) throw new QnError("INTERRUPTED", "The export was called off.", { cause: error });
    throw error instanceof QnError ? error : await diskFailure(`"${file}" cannot be written`, dirname(file), error);
  } finally {
    await rm(made, { force: true });
  }
}

// --- internal ---

function existing(file: string): QnError {
  return new QnError("USAGE", `There is a file "${file}" already.`, { hint: "Choose another name, or remove it." });
}

async function write(path: string, manifest: ArchiveManifest, disk: DiskFile, signal: AbortSignal): Promise<number> {
  const file = await open(path, "wx", 0o600);
  const content = contentOf(manifest, disk);
  const source = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await content.next();
      if (done === true) controller.close();
      else controller.enqueue(value);
    },
  });
  try {
    await file.writeFile(mark);
    // At the usual level, 3: slower ones gain a tenth and take several times as long.
    for await (const chunk of source.pipeThrough(new CompressionStream("zstd"))) {
      signal.throwIfAborted();
      await file.writeFile(chunk);
    }
    await file.sync();
    return (await file.stat()).size;
  } finally {
    await content.return(undefined);
    await file.close();
  }
}

/** All that is compressed: the manifest with its length, the pieces with their heads, the digest. */
async function* contentOf(manifest: ArchiveManifest, disk: DiskFile): AsyncGenerator<Uint8Array> {
  const hash = createHash("sha256");
  for await (const bytes of told(manifest, disk)) {
    hash.update(bytes);
    yield bytes;
  }
  yield hash.digest();
}

async function* told(manifest: ArchiveManifest, disk: DiskFile): AsyncGenerator<Uint8Array> {
  const text = Buffer.from(JSON.stringify(manifest));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(text.length);
  yield Buffer.concat([length, text]);
  for await (const { offset, bytes } of piecesOf(disk, manifest.disks[0].sizeBytes)) {
    // A copy: the stream may still hold it when the next one is read.
    yield Buffer.concat([pieceHead(offset, bytes.length), bytes]);
  }
  yield pieceHead(0, 0);
}

function pieceHead(offset: number, length: number): Buffer {
  const head = Buffer.alloc(pieceHeadBytes);
  head.writeBigUInt64LE(BigInt(offset));
  head.writeUInt32LE(length, 8);
  return head;
}
