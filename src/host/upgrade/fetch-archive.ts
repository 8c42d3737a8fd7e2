/** Fetches a release's archive and unpacks it, once it is known to be what was signed. */
import { mkdir, open, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { messageOf, QnError } from "../../base/errors.ts";
import { namesIn, writeAt } from "../../system/files.ts";
import { run } from "../../system/process.ts";
import { addressOf } from "../image/pull/addresses.ts";
import { calledOff, request } from "../image/pull/ask-server.ts";
import { openPart } from "../image/pull/part.ts";
import { type Limits, patiently } from "../image/pull/patience.ts";
import { localPieces, remotePieces } from "../image/pull/pieces.ts";
import type { Download } from "../image/pull/release.ts";
import { archiveName } from "./files.ts";
import type { Offer } from "./offer.ts";
import { asUpgrade } from "./upgrade-failure.ts";

/** How it is fetched. `onBytes` hears how many bytes are there, of how many. */
export type FetchArchive = {
  readonly platform: string;
  /** A folder of this install's own, which keeps what was fetched in vain. */
  readonly cacheFolder: string;
  readonly limits: Limits;
  readonly signal: AbortSignal;
  readonly onBytes: (bytes: number, totalBytes: number) => void;
};

/**
 * The top folder of the unpacked archive, in the cache. Throws UPGRADE_FAILED, UPGRADE_UNTRUSTED when it is another one
 * than was signed, TOOL_MISSING without tar, INTERRUPTED.
 */
export async function fetchArchive(offer: Offer, how: FetchArchive): Promise<string> {
  const name = archiveName(offer.version, how.platform);
  const archive = join(how.cacheFolder, "archive.tar.gz");
  const unpacked = join(how.cacheFolder, "unpacked");
  // Of what was fetched in vain only this very archive is of use.
  for (const entry of await namesIn(how.cacheFolder)) {
    if (!entry.startsWith(offer.sha256)) await rm(join(how.cacheFolder, entry), { recursive: true });
  }
  await mkdir(unpacked, { recursive: true, mode: 0o700 });
  try {
    await write(archive, offer, `${name}.tar.gz`, how);
  } catch (error) {
    throw asUpgrade(error);
  }
  const { exitCode, stderr } = await run(["tar", "-xzf", archive, "-C", unpacked], { signal: how.signal });
  if (how.signal.aborted) throw asUpgrade(calledOff());
  if (exitCode === 0) return join(unpacked, name);
  const details = stderr.trim().split("\n").slice(-5);
  throw new QnError("UPGRADE_FAILED", `${name}.tar.gz cannot be unpacked.`, { details });
}

// --- internal ---

/** An archive takes some 40 MB; it is in memory as one piece, as only the whole of it has a sum. */
const archiveBytesMax = 512 * 1024 ** 2;

async function write(path: string, { sha256, source }: Offer, name: string, how: FetchArchive): Promise<void> {
  const address = addressOf(source, name);
  const bytes = source.kind === "folder" ? await sizeOf(address) : await lengthOf(address, how);
  if (!(bytes > 0 && bytes <= archiveBytesMax)) {
    throw new QnError("UPGRADE_FAILED", `${address} should have some MB, and has ${bytes} bytes.`);
  }
  const download: Download = { name, bytes, sha256, compression: "none", pieceBytes: bytes, pieces: [sha256] };
  const told = { ...how, onBytes: (done: number) => how.onBytes(done, bytes) };
  await using part = source.kind === "web" ? await openPart(join(how.cacheFolder, sha256)) : undefined;
  const pieces =
    part === undefined ? localPieces(download, address, told) : remotePieces(download, address, part, told);
  await using file = await open(path, "w", 0o600);
  for await (const piece of pieces) await writeAt(file, piece, 0);
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (cause) {
    throw new QnError("UPGRADE_FAILED", `${path} cannot be read: ${messageOf(cause)}.`, { cause });
  }
}

/** How long a server says that a file is: what is signed is its sum alone. */
async function lengthOf(url: string, { limits, signal }: FetchArchive): Promise<number> {
  return await patiently(limits, signal, async () => {
    using answer = await request(url, { silenceMs: limits.silenceMs, signal });
    if (answer.status !== 200) throw new QnError("UPGRADE_FAILED", `${url} answers with status ${answer.status}.`);
    return Number(answer.header("content-length") ?? 0);
  });
}
