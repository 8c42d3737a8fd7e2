/** Takes a disk from a file of the user's into the store: qcow2 or raw, as it is or compressed with zstd. */
import { copyFile, type FileHandle, mkdir, open, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { messageOf, QnError } from "../../base/errors.ts";
import { type Arch, byteSize } from "../../base/words.ts";
import { protocolVersion } from "../../protocol/messages.ts";
import { readTextIfThere, writeAt, writeFileAtomically } from "../../system/files.ts";
import { run } from "../../system/process.ts";
import { diskFault } from "./disk-check.ts";
import { formatManifest, imageFiles, type ImageManifest, parseManifest } from "./manifest.ts";
import { newStage } from "./pointers.ts";
import { isQcow2, qcow2HeadBytes, virtualBytes, whyNotAlone } from "./qcow2.ts";
import { activateImage, hashOf, imageById, type StoredImage } from "./store.ts";

/** What to take in, and how it is to be called; `version` is what it says of itself without one. */
export type ImportOptions = {
  readonly imagesFolder: string;
  readonly file: string;
  readonly name: string;
  readonly arch: Arch;
  readonly version: string | undefined;
  readonly signal: AbortSignal;
  /** Told of the bytes that were read, and of how many there are. */
  readonly onBytes: (bytes: number, total: number) => void;
};

/**
 * Takes the file in under the name; the file itself stays as it is. An `image.json` beside it that has the hash of this
 * disk says the rest, and which files belong to it; without one an image of the store that has this disk. Throws
 * IMAGE_CORRUPT for what is no whole disk that needs no other file, DISK_FAILED when there is no room for it, USAGE
 * when there is no such file, and INTERRUPTED; nothing of it is left then, and the name leads to what it led to.
 */
export async function importImage(options: ImportOptions): Promise<StoredImage> {
  const { imagesFolder, file, signal } = options;
  const sizeBytes = await sizeOf(file);
  await using stage = await newStage(imagesFolder);
  const finished = join(stage.folder, "image");
  await mkdir(finished);
  const [unpacked, disk] = [join(stage.folder, "unpacked"), join(finished, "disk.qcow2")];
  await unpack(options, sizeBytes, unpacked);
  await makeDisk(file, unpacked, disk, signal);
  const manifest = await manifestFor(options, disk, finished);
  await writeFileAtomically(join(finished, "image.json"), formatManifest(manifest), 0o644);
  requireGoingOn(signal);
  return await activateImage(imagesFolder, finished, manifest);
}

// --- internal ---

/** Some hundred times a guest's disk: what is larger unpacks without end. */
const unpackedBytesMax = 256 * 1024 ** 3;

/** An `image.json` has about 1 KiB, and 2 more where the kernel's command line is as long as it may be. */
const manifestBytesMax = 65_536;

/** What is compared with nothing but zeroes at once: holes of the copy are multiples of it. */
const holeBytes = 65_536;
const zeroes = Buffer.alloc(holeBytes);

/** The first bytes of a frame of zstd (RFC 8878, 3.1.1). */
const zstdMagic = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);

/** Where a GPT's header begins on a disk of 512-byte sectors, and with what (UEFI 2.10, 5.3.2). */
const gpt = { offset: 512, signature: Buffer.from("EFI PART") } as const;

function requireGoingOn(signal: AbortSignal): void {
  if (signal.aborted) throw new QnError("INTERRUPTED", "The import was interrupted.");
}

function corrupt(file: string, words: string, cause?: unknown): QnError {
  return new QnError("IMAGE_CORRUPT", `"${file}" ${words}.`, {
    cause,
    hint: "A guest's disk is one qcow2 or raw file with a GPT, also compressed with zstd, that needs no other file.",
  });
}

async function sizeOf(file: string): Promise<number> {
  try {
    const facts = await stat(file);
    if (facts.isFile()) return facts.size;
  } catch (cause) {
    throw new QnError("USAGE", `"${file}" cannot be read: ${messageOf(cause)}.`, { cause });
  }
  throw new QnError("USAGE", `"${file}" is no file.`);
}

/** Copies the file to `to`, unpacked if it is packed, with holes where there are only zeroes. */
async function unpack({ file, signal, onBytes }: ImportOptions, total: number, to: string): Promise<void> {
  const source = Bun.file(file);
  const isPacked = zstdMagic.equals(await source.slice(0, zstdMagic.length).bytes());
  let read = 0;
  const counted = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      onBytes((read += chunk.length), total);
      controller.enqueue(chunk);
    },
  });
  // Unlike node:zlib's, this one tells of a stream that is cut short, and of what follows its end.
  const packed: ReadableStream<Uint8Array> = source.stream().pipeThrough(counted);
  const plain = isPacked ? packed.pipeThrough(new DecompressionStream("zstd")) : packed;
  const target = await open(to, "wx", 0o644);
  try {
    let length = 0;
    for await (const chunk of plain) {
      requireGoingOn(signal);
      if (length + chunk.length > unpackedBytesMax) {
        throw corrupt(file, `unpacks to more than ${byteSize(unpackedBytesMax)}`);
      }
      await writeSparsely(target, chunk, length);
      length += chunk.length;
    }
    await target.truncate(length);
  } catch (error) {
    if (error instanceof TypeError) throw corrupt(file, "is no whole zstd", error);
    throw error;
  } finally {
    await target.close();
  }
}

async function writeSparsely(target: FileHandle, chunk: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < chunk.length;) {
    // Pieces end where those of the file do, so that a hole is one whatever the stream's chunks are.
    const piece = chunk.subarray(at, at + holeBytes - ((position + at) % holeBytes));
    const isHole = zeroes.subarray(0, piece.length).equals(piece);
    if (!isHole) await writeAt(target, piece, position + at);
    at += piece.length;
  }
}

/** Makes the image's disk of what was unpacked. What its head names is looked at before any program opens it. */
async function makeDisk(file: string, unpacked: string, disk: string, signal: AbortSignal): Promise<void> {
  const head = Buffer.from(await Bun.file(unpacked).slice(0, qcow2HeadBytes).bytes());
  if (isQcow2(head)) {
    const reason = whyNotAlone(head);
    if (reason !== undefined) throw corrupt(file, reason);
    await rename(unpacked, disk);
  } else {
    const { offset, signature } = gpt;
    if (!head.subarray(offset, offset + signature.length).equals(signature)) {
      throw corrupt(file, "is neither a qcow2 image nor a raw disk with a GPT");
    }
    const command = ["qemu-img", "convert", "-f", "raw", "-O", "qcow2", unpacked, disk];
    const { exitCode, stderr } = await run(command, { signal });
    requireGoingOn(signal);
    if (exitCode !== 0) throw new QnError("DISK_FAILED", `"${file}" cannot be converted: ${stderr.trim()}.`);
    await rm(unpacked);
  }
  const virtualSize = virtualBytes(await Bun.file(disk).slice(0, qcow2HeadBytes).bytes());
  if (virtualSize > unpackedBytesMax) throw corrupt(file, `has a disk of more than ${byteSize(unpackedBytesMax)}`);
  const fault = await diskFault(disk, signal);
  requireGoingOn(signal);
  if (fault !== undefined) throw corrupt(file, `is a broken qcow2 image: ${fault.replace(/\.$/, "")}`);
}

async function manifestFor(options: ImportOptions, disk: string, finished: string): Promise<ImageManifest> {
  const { file, name, arch, version } = options;
  const sha256 = await hashOf(disk);
  // What is known of this very disk already counts for more than nothing, too.
  const stored = (await imageById(options.imagesFolder, sha256).catch(() => undefined))?.manifest;
  const beside = (await manifestBeside(file, sha256)) ?? stored;
  if (beside !== undefined) {
    if (beside.arch !== arch) throw corrupt(file, `is an image for ${beside.arch}, and not for ${arch}`);
    for (const each of imageFiles(beside).filter((one) => one.file !== "disk.qcow2")) {
      const there = join(dirname(file), each.file);
      // Somebody may have put a FIFO there, or a file without an end.
      if ((await fileBytes(there)) !== each.bytes) throw corrupt(there, `is no file of ${each.bytes} bytes`);
      await copyFile(there, join(finished, each.file));
      const actual = await hashOf(join(finished, each.file));
      if (actual !== each.sha256) throw corrupt(there, `has the SHA-256 ${actual}`);
    }
    return { ...beside, name, version: version ?? beside.version };
  }
  const virtualSizeBytes = virtualBytes(await Bun.file(disk).slice(0, qcow2HeadBytes).bytes());
  return {
    name,
    version: version ?? `imported-${sha256.slice(0, 12)}`,
    arch,
    // Nothing in a disk's file says it; a guest that speaks another one is told of when it starts.
    protocol: protocolVersion,
    recipe: "import",
    inputs: sha256,
    disk: { sha256, sizeBytes: Bun.file(disk).size, virtualSizeBytes },
  };
}

/** The size of a file; nothing for what is none. */
async function fileBytes(path: string): Promise<number | undefined> {
  const facts = await stat(path).catch(() => undefined);
  return facts?.isFile() === true ? facts.size : undefined;
}

/** What an `image.json` beside the file says, if it is about this disk. */
async function manifestBeside(file: string, sha256: string): Promise<ImageManifest | undefined> {
  const path = join(dirname(file), "image.json");
  try {
    const isOne = ((await fileBytes(path)) ?? Infinity) <= manifestBytesMax;
    const text = isOne ? await readTextIfThere(path) : undefined;
    const manifest = text === undefined ? undefined : parseManifest(text, path);
    return manifest?.disk.sha256 === sha256 ? manifest : undefined;
  } catch {
    return undefined;
  }
}
