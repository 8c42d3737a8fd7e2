/** What a server has to upgrade to: its list of sums, once it is known who has signed it. */
import type { KeyObject } from "node:crypto";
import { QnError } from "../../base/errors.ts";
import { compareVersions } from "../../base/words.ts";
import { ownRelease, ownReleases, type ReleaseSource } from "../image/pull/addresses.ts";
import type { Limits } from "../image/pull/patience.ts";
import { readReleaseFile } from "../image/pull/read-file.ts";
import { isSignedBy, signaturesBytesMax } from "../image/pull/signature.ts";
import { archivesIn, isVersion, sumsFiles } from "./files.ts";
import { asUpgrade } from "./upgrade-failure.ts";

/** What to look for, and where. */
export type OfferQuestion = {
  /** Nothing for qn's own releases. */
  readonly mirror: ReleaseSource | undefined;
  readonly keys: readonly KeyObject[];
  /** The version of the qn that asks. */
  readonly current: string;
  /** The version that is asked for; the newest where none is. */
  readonly wanted?: string | undefined;
  /** As in `linux-x64`. */
  readonly platform: string;
  readonly limits: Limits;
  readonly signal: AbortSignal;
};

/** A version, and its archive: the folder that has it, and what is known of its content. */
export type Offer = { readonly version: string; readonly sha256: string; readonly source: ReleaseSource };

/**
 * What there is for this question. Throws UPGRADE_FAILED where there is nothing, UPGRADE_UNTRUSTED where nobody has
 * signed it whose key is known, or it is older than this qn and was not asked for; INTERRUPTED.
 */
export async function readOffer(question: OfferQuestion): Promise<Offer> {
  try {
    return await read(question);
  } catch (error) {
    throw asUpgrade(error);
  }
}

// --- internal ---

/** How long the list may be in bytes: some hundred lines. */
const sumsBytesMax = 64 * 1024;

/** How long the file may be that names the newest version. */
const versionBytesMax = 64;

async function read(question: OfferQuestion): Promise<Offer> {
  const { mirror, keys, current, wanted, platform } = question;
  const named = wanted ?? (mirror === undefined ? undefined : await newestAt(mirror, question));
  const place = named === undefined ? newestOfOwn : folderOf(mirror, named);
  const sums = await readReleaseFile(place, sumsFiles.list, sumsBytesMax, question);
  const signatures = await readReleaseFile(place, sumsFiles.signature, signaturesBytesMax, question);
  const address = place.kind === "web" ? place.base : place.path;
  if (!isSignedBy(sums, Buffer.from(signatures).toString("latin1"), keys)) {
    throw new QnError("UPGRADE_UNTRUSTED", `What is at ${address} is signed by nobody whose key this qn knows.`);
  }
  const archives = archivesIn(Buffer.from(sums).toString("latin1"), platform);
  const version = named ?? [...archives.keys()].toSorted(compareVersions).at(-1);
  const sha256 = version === undefined ? undefined : archives.get(version);
  if (version === undefined || sha256 === undefined) {
    throw new QnError(
      "UPGRADE_FAILED",
      `There is no qn${named === undefined ? "" : ` ${named}`} for ${platform} at ${address}.`,
    );
  }
  if (wanted === undefined && compareVersions(version, current) < 0) {
    throw new QnError("UPGRADE_UNTRUSTED", `${address} offers qn ${version}, and this is ${current}, which is newer.`, {
      hint: `If you mean to go back: qn upgrade --version ${version}`,
    });
  }
  return { version, sha256, source: folderOf(mirror, version) };
}

const newestOfOwn: ReleaseSource = { kind: "web", base: ownRelease };

function folderOf(mirror: ReleaseSource | undefined, version: string): ReleaseSource {
  if (mirror?.kind === "folder") return { kind: "folder", path: `${mirror.path}/v${version}` };
  return { kind: "web", base: `${mirror?.base ?? ownReleases}v${version}/` };
}

/** What a mirror's file `latest` says. */
async function newestAt(mirror: ReleaseSource, question: OfferQuestion): Promise<string> {
  const text = Buffer.from(await readReleaseFile(mirror, "latest", versionBytesMax, question)).toString("latin1");
  const version = text.trim().replace(/^v/, "");
  if (isVersion(version)) return version;
  throw new QnError("UPGRADE_FAILED", `The mirror's file "latest" says ${JSON.stringify(text)}, which is no version.`);
}
