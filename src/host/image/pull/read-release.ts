/** Reads a release's list of images, once it is known who has signed it, and remembers it. */
import type { KeyObject } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import { QnError } from "../../../base/errors.ts";
import { readTextIfThere, writeFileAtomically } from "../../../system/files.ts";
import { addressOf, type ReleaseSource } from "./addresses.ts";
import type { Limits } from "./patience.ts";
import { readReleaseFile } from "./read-file.ts";
import { listBytesMax, type newestVersions, parseRelease, type Release, releaseFiles } from "./release.ts";
import { requireSigned, signaturesBytesMax } from "./signature.ts";

/** How a list is read, and where it is remembered. */
export type ReadOptions = { readonly cacheFolder: string; readonly limits: Limits; readonly signal: AbortSignal };

/**
 * The list, and the address that it is from. Throws IMAGE_UNTRUSTED when none of the keys has signed it, or it is older
 * than one that was seen there: whoever holds back a newer list holds back what it mends. Throws IMAGE_PULL_FAILED and
 * INTERRUPTED.
 */
export async function readRelease(
  source: ReleaseSource,
  keys: readonly KeyObject[],
  { cacheFolder, limits, signal }: ReadOptions,
): Promise<{ readonly release: Release; readonly address: string }> {
  const address = addressOf(source, releaseFiles.list);
  const list = await readReleaseFile(source, releaseFiles.list, listBytesMax, { limits, signal });
  const signatures = await readReleaseFile(source, releaseFiles.signatures, signaturesBytesMax, { limits, signal });
  requireSigned(list, Buffer.from(signatures).toString("latin1"), keys, address);
  const text = Buffer.from(list).toString();
  const release = parseRelease(text, address);
  await remember(join(cacheFolder, "releases.json"), address, release.signedAtMs);
  return { release, address };
}

/** Writes down which versions are out, for who asks later and asks no server: what is known of others stays. */
export async function rememberNewest(cacheFolder: string, versions: ReturnType<typeof newestVersions>): Promise<void> {
  const path = join(cacheFolder, "newest.json");
  const known = mappingIn(v.record(v.string(), v.object({ version: v.string() })), await readTextIfThere(path));
  await writeFileAtomically(path, JSON.stringify({ ...known, ...versions }));
}

// --- internal ---

/** For each address when the newest list from there was signed. */
const seenSchema = v.record(v.string(), v.number());

async function remember(path: string, address: string, signedAtMs: number): Promise<void> {
  const seen = mappingIn(seenSchema, await readTextIfThere(path));
  const newest = seen[address] ?? 0;
  if (signedAtMs < newest) {
    const [was, is] = [newest, signedAtMs].map((ms) => new Date(ms).toISOString());
    throw new QnError("IMAGE_UNTRUSTED", `The release at ${address} is of ${is}, and one of ${was} was there before.`, {
      hint: `If that is meant, remove ${path}.`,
    });
  }
  if (signedAtMs === newest) return;
  await mkdir(join(path, ".."), { recursive: true, mode: 0o700 });
  await writeFileAtomically(path, JSON.stringify({ ...seen, [address]: signedAtMs }));
}

/** What a file of the cache says; nothing where there is none, or it cannot be read. */
function mappingIn<Value>(
  schema: v.GenericSchema<Record<string, Value>>,
  text: string | undefined,
): Readonly<Record<string, Value>> {
  try {
    return text === undefined ? {} : v.parse(schema, JSON.parse(text));
  } catch {
    return {};
  }
}
