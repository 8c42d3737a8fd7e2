/**
 * The pieces of a download, one after the other, each compared with its signed hash before anybody gets it: whatever a
 * server, a proxy or a disk did to them, they are right, or there are none.
 */
import { createHash } from "node:crypto";
import { open, stat } from "node:fs/promises";
import { QnError } from "../../../base/errors.ts";
import type { Answer } from "../../../system/download.ts";
import type { Part } from "./part.ts";
import { type Limits, type Patience, patienceOf, progressBytes } from "./patience.ts";
import type { Download } from "./release.ts";
import { calledOff, failureOf, PassingFailure, request } from "./ask-server.ts";
import { judge, rangeHeaders, strongValidator } from "./resume.ts";

/** How pieces are fetched. `onBytes` hears how many bytes are there. */
export type FetchOptions = {
  readonly limits: Limits;
  readonly signal: AbortSignal;
  readonly onBytes: (bytes: number) => void;
};

/** The pieces of a file of this machine. Throws IMAGE_PULL_FAILED when it is another one than was signed. */
export async function* localPieces(
  download: Download,
  path: string,
  { signal, onBytes }: Omit<FetchOptions, "limits">,
): AsyncGenerator<Uint8Array> {
  const facts = await stat(path);
  if (!facts.isFile() || facts.size !== download.bytes) throw otherFile(path, facts.size, download.bytes);
  await using file = await open(path);
  for (let at = 0; at < download.bytes;) {
    if (signal.aborted) throw calledOff();
    const length = pieceEnd(download, at) - at;
    const { buffer, bytesRead } = await file.read(new Uint8Array(length), 0, length, at);
    if (bytesRead < length || !isPiece(download, at, buffer)) throw wrongPiece(path, at);
    at += length;
    onBytes(at);
    yield buffer;
  }
}

/**
 * The pieces of what an address answers with: first those that `part` has, then those that it grows by. Throws
 * IMAGE_PULL_FAILED, or INTERRUPTED; the part then has what came.
 */
export async function* remotePieces(
  download: Download,
  url: string,
  part: Part,
  options: FetchOptions,
): AsyncGenerator<Uint8Array> {
  for await (const piece of keptPieces(download, part)) {
    if (options.signal.aborted) throw calledOff();
    options.onBytes(part.bytes);
    yield piece;
  }
  const state = { download, url, part, doneBytes: part.bytes - (part.bytes % download.pieceBytes), asksWhole: false };
  if (part.bytes === download.bytes) return;
  const patience = patienceOf(options.limits, options.signal);
  while (state.doneBytes < download.bytes) yield* newPieces(state, options, patience);
}

// --- internal ---

/** How far it is: `doneBytes` are compared; `asksWhole` once a server has shown that it cannot send a part. */
type State = {
  readonly download: Download;
  readonly url: string;
  readonly part: Part;
  doneBytes: number;
  asksWhole: boolean;
  /** Where a piece was wrong last. */
  wrongAt?: number;
};

/** What is there already; what is wrong goes, and what is behind it. */
async function* keptPieces(download: Download, part: Part): AsyncGenerator<Uint8Array> {
  await part.cut(download.bytes);
  for (let at = 0; at < part.bytes;) {
    const end = pieceEnd(download, at);
    if (end > part.bytes) return;
    const piece = await part.read(at, end - at);
    if (!isPiece(download, at, piece)) return await part.cut(at);
    at = end;
    yield piece;
  }
}

/** What one request brings. Returns when another one is to be made. */
async function* newPieces(state: State, options: FetchOptions, patience: Patience): AsyncGenerator<Uint8Array> {
  const { download, url, part } = state;
  const { silenceMs } = options.limits;
  // The rest of a piece is of use only with the promise that its other end comes from the same content.
  if (part.origin?.url !== url) await part.cut(state.doneBytes);
  const hadBytes = part.bytes;
  let cameBytes = hadBytes;
  try {
    const headers = state.asksWhole ? {} : rangeHeaders(part.bytes, part.origin, url);
    using answer = await request(url, { headers, silenceMs, signal: options.signal });
    const skipBytes = await taken(state, answer);
    for await (const chunk of behind(skipBytes, answer.body())) {
      for (let rest = chunk; rest.length > 0;) {
        const room = pieceEnd(download, state.doneBytes) - part.bytes;
        await part.append(rest.subarray(0, room));
        rest = rest.subarray(room);
        cameBytes = part.bytes;
        options.onBytes(part.bytes);
        const piece = await finishedPiece(state);
        if (piece !== undefined) yield piece;
        if (part.bytes === download.bytes) return;
      }
    }
    throw new PassingFailure(`${url} has ended after ${part.bytes} of ${download.bytes} bytes`);
  } catch (error) {
    await patience.afterFailure(failureOf(error, url, options.signal), cameBytes - hadBytes >= progressBytes);
  }
}

/** Takes an answer, or throws; gives back how many of its bytes are there already. */
async function taken(state: State, answer: Answer): Promise<number> {
  const { download, url, part } = state;
  const verdict = judge(answer, state.asksWhole ? 0 : part.bytes, download.bytes);
  switch (verdict.do) {
    case "give-up":
      throw new QnError("IMAGE_PULL_FAILED", `${url} ${verdict.why}.`, { hint: sourceHint });
    case "ask-whole":
      state.asksWhole = true;
      throw new PassingFailure(`${url} ${verdict.why}`);
    case "ask-later":
      throw new PassingFailure(`${url} ${verdict.why}`);
    case "take": {
      if (verdict.from === "first") await part.cut(state.doneBytes);
      const validator = strongValidator(answer);
      await part.setOrigin(validator === undefined ? undefined : { url, validator });
      return verdict.from === "first" ? state.doneBytes : 0;
    }
  }
}

/** The piece that has just become whole, if one has. Throws when it is another one than was signed. */
async function finishedPiece(state: State): Promise<Uint8Array | undefined> {
  const { download, part, doneBytes } = state;
  if (part.bytes < pieceEnd(download, doneBytes)) return undefined;
  const piece = await part.read(doneBytes, part.bytes - doneBytes);
  if (isPiece(download, doneBytes, piece)) {
    state.doneBytes = part.bytes;
    return piece;
  }
  await part.cut(doneBytes);
  await part.setOrigin(undefined);
  // A server that lies about ranges gets a second chance, without them.
  if (state.wrongAt === doneBytes) throw wrongPiece(state.url, doneBytes);
  state.wrongAt = doneBytes;
  state.asksWhole = true;
  throw new PassingFailure(`${state.url} sends other bytes than were signed`);
}

async function* behind(skipBytes: number, chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let skip = skipBytes;
  for await (const chunk of chunks) {
    if (chunk.length > skip) yield chunk.subarray(skip);
    skip = Math.max(0, skip - chunk.length);
  }
}

function pieceEnd({ bytes, pieceBytes }: Download, at: number): number {
  return Math.min(bytes, at - (at % pieceBytes) + pieceBytes);
}

function isPiece({ pieces, pieceBytes }: Download, at: number, bytes: Uint8Array): boolean {
  return createHash("sha256").update(bytes).digest("hex") === pieces[at / pieceBytes];
}

const sourceHint = "Nothing of it was used. imageUrl in the settings names another source.";

function wrongPiece(where: string, at: number): QnError {
  const message = `${where} is not what was signed, from byte ${at} on.`;
  return new QnError("IMAGE_UNTRUSTED", message, { hint: sourceHint });
}

function otherFile(path: string, bytes: number, signedBytes: number): QnError {
  const message = `${path} has ${bytes} bytes, and ${signedBytes} were signed.`;
  return new QnError("IMAGE_UNTRUSTED", message, { hint: sourceHint });
}
