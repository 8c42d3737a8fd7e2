/** Unpacks a download while it comes: in little memory, and never more than was signed. */
import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { QnError } from "../../../base/errors.ts";
import { writeAt } from "../../../system/files.ts";
import type { ReleasedFile } from "./release.ts";

/** Makes the pieces of a download; the signal ends that early, since nobody wants more of them. */
export type PiecesUntil = (unwanted: AbortSignal) => AsyncIterable<Uint8Array>;

/**
 * Writes what the pieces unpack to into a new file, and has it on the disk at the end. Throws IMAGE_UNTRUSTED when it
 * is another one than was signed, and what the pieces throw.
 */
export async function unpack(
  piecesUntil: PiecesUntil,
  path: string,
  { file, bytes, sha256, download }: ReleasedFile,
): Promise<void> {
  const wrong = (words: string, cause?: unknown) =>
    new QnError("IMAGE_UNTRUSTED", `${download.name} unpacks to another ${file} than was signed: ${words}.`, { cause });
  await using target = await open(path, "wx", 0o644);
  const hash = createHash("sha256");
  let written = 0;
  const unwanted = new AbortController();
  const pieces = piecesUntil(unwanted.signal);
  try {
    for await (const chunk of download.compression === "none" ? pieces : decompressed(pieces, unwanted, wrong)) {
      if (written + chunk.length > bytes) throw wrong(`it has more than ${bytes} bytes`);
      hash.update(chunk);
      await writeAt(target, chunk, written);
      written += chunk.length;
    }
  } finally {
    unwanted.abort();
  }
  if (written !== bytes) throw wrong(`it has ${written} bytes, and should have ${bytes}`);
  if (hash.digest("hex") !== sha256) throw wrong("it has another SHA-256");
  await target.sync();
}

// --- internal ---

/** How much is decompressed at once, in bytes: what that unpacks to is held in memory. */
const sliceBytes = 32 * 1024;

/** What the pieces decompress to. Nothing is done with them any more once it is over, however it ends. */
async function* decompressed(
  pieces: AsyncIterable<Uint8Array>,
  unwanted: AbortController,
  wrong: (words: string, cause: unknown) => QnError,
): AsyncGenerator<Uint8Array> {
  const stream = new DecompressionStream("zstd");
  const writer = stream.writable.getWriter();
  let failure: Error | undefined;
  const feeding = feed(pieces, writer).catch(async (error: unknown) => {
    failure = error instanceof Error ? error : new Error(String(error));
    await writer.abort(error).catch(() => {});
  });
  try {
    for await (const chunk of stream.readable) yield chunk;
    await feeding;
  } catch (cause) {
    unwanted.abort();
    await feeding;
    throw failure === undefined || failure instanceof TypeError ? wrong("it is no whole zstd", cause) : failure;
  } finally {
    unwanted.abort();
    await feeding;
  }
  // It may end in peace though what feeds it has failed.
  if (failure !== undefined) throw failure;
}

async function feed(pieces: AsyncIterable<Uint8Array>, writer: WritableStreamDefaultWriter<Uint8Array>): Promise<void> {
  for await (const piece of pieces) {
    for (let at = 0; at < piece.length; at += sliceBytes) await writer.write(piece.subarray(at, at + sliceBytes));
  }
  await writer.close();
}
