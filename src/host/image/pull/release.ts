/** What a release says that it has: `images.json`, which is signed, and which of its images fits this qn. */
import * as v from "valibot";
import { QnError } from "../../../base/errors.ts";
import { type Arch, compareVersions } from "../../../base/words.ts";
import { imageFiles, manifestSchema, sha256 } from "../manifest.ts";

/** The files of a release: what it has, who signed that. The files of its images stand beside them. */
export const releaseFiles = { list: "images.json", signatures: "images.json.sig" } as const;

/** How long a list may be in bytes; one image takes some 8 KiB. */
export const listBytesMax = 1024 * 1024;

/** How large a piece of a download may be in bytes: what is held in memory at once. */
const pieceBytesMax = 16 * 1024 ** 2;

/** Names become those of files, here and there: one name, no path. */
const fileName = v.pipe(v.string(), v.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,126}$/, "is no name of a file"));
const byteCount = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(2 ** 42));

const downloadSchema = v.pipe(
  v.object({
    name: fileName,
    bytes: byteCount,
    sha256,
    compression: v.picklist(["zstd", "none"]),
    /** It is compared piece by piece while it comes: nothing of it is used, or kept, that was not signed. */
    pieceBytes: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(pieceBytesMax)),
    pieces: v.array(sha256),
  }),
  v.check(({ bytes, pieceBytes, pieces }) => pieces.length === Math.ceil(bytes / pieceBytes), "has other pieces"),
);

const fileSchema = v.object({ file: fileName, bytes: byteCount, sha256, download: downloadSchema });

const imageSchema = v.pipe(
  v.object({
    /** What will be `image.json` beside the files. */
    image: manifestSchema,
    /** The oldest qn that can boot it. */
    minQn: v.pipe(v.string(), v.regex(/^\d+(\.\d+)*$/, "is no version")),
    files: v.pipe(v.array(fileSchema), v.minLength(1), v.maxLength(8)),
  }),
  // It may have more: files that only a newer qn knows.
  v.check(
    ({ image, files }) =>
      imageFiles(image).every(({ file, bytes, sha256 }) =>
        files.some((each) => each.file === file && each.bytes === bytes && each.sha256 === sha256),
      ),
    "has other files than its image.json says",
  ),
  v.check(({ files }) => new Set(files.map(({ file }) => file)).size === files.length, "has a file twice"),
  v.check(({ files }) => !files.some(({ file }) => file.endsWith(".json")), "has a file of qn's own"),
);

const releaseSchema = v.object({
  format: v.literal(1, "is another format than this qn reads"),
  /** When it was signed: an older one is not taken after a newer one from the same address. */
  signedAtMs: v.pipe(v.number(), v.integer(), v.minValue(1)),
  /** The newest first. */
  images: v.pipe(v.array(imageSchema), v.maxLength(100)),
});

/** What a release has. */
export type Release = v.InferOutput<typeof releaseSchema>;

/** One of its images, and its files as they come and as they are to be. */
export type ReleasedImage = Release["images"][number];
export type ReleasedFile = ReleasedImage["files"][number];
export type Download = ReleasedFile["download"];

/** What is looked for: a version is any where none is named. `qn` is this program's. */
export type WantedImage = {
  readonly name: string;
  readonly version?: string | undefined;
  readonly arch: Arch;
  readonly protocol: number;
  readonly qn: string;
};

/** Reads a list. Throws IMAGE_PULL_FAILED with its address and the field that is wrong. */
export function parseRelease(text: string, address: string): Release {
  const wrong = (words: string, cause?: unknown) =>
    new QnError("IMAGE_PULL_FAILED", `The release at ${address} ${words}.`, {
      cause,
      hint: "It may be made for a newer qn; or whoever keeps it has to make it again.",
    });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw wrong("is not JSON", cause);
  }
  const result = v.safeParse(releaseSchema, value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw wrong(`is wrong at "${v.getDotPath(issue) ?? "the top"}": ${issue.message}`);
}

/** The newest image that fits. Throws IMAGE_MISSING with what there is instead. */
export function imageFor(release: Release, wanted: WantedImage, address: string): ReleasedImage {
  const { name, version, arch, qn } = wanted;
  const named = release.images.filter(({ image }) => image.name === name && image.arch === arch);
  const those = named.filter(({ image }) => version === undefined || image.version === version);
  const best = newestOf(those, wanted);
  if (best !== undefined) return best;
  const asked = version === undefined ? `"${name}"` : `"${name}@${version}"`;
  if (those.length > 0) {
    throw new QnError("IMAGE_MISSING", `The release at ${address} has ${asked} for ${arch}, but not for qn ${qn}.`, {
      hint: "Upgrade qn, or name the release of this one's version by the setting imageUrl.",
    });
  }
  const there = [...new Set(named.map(({ image }) => image.version))];
  const instead = there.length === 0 ? "" : ` It has ${there.join(", ")}.`;
  throw new QnError("IMAGE_MISSING", `The release at ${address} has no image ${asked} for ${arch}.${instead}`);
}

/** The version of the newest image of each name and architecture that fits this qn, as in `debian-x86_64`. */
export function newestVersions(
  { images }: Release,
  qn: Pick<WantedImage, "protocol" | "qn">,
): Readonly<Record<string, { readonly version: string }>> {
  const entries = new Set(images.map(({ image }) => `${image.name}-${image.arch}`));
  return Object.fromEntries(
    [...entries].flatMap((entry) => {
      const those = images.filter(({ image }) => `${image.name}-${image.arch}` === entry);
      const newest = newestOf(those, qn);
      return newest === undefined ? [] : [[entry, { version: newest.image.version }]];
    }),
  );
}

// --- internal ---

function newestOf(
  images: readonly ReleasedImage[],
  { protocol, qn }: Pick<WantedImage, "protocol" | "qn">,
): ReleasedImage | undefined {
  const fits = images.filter(({ image, minQn }) => image.protocol === protocol && compareVersions(qn, minQn) >= 0);
  return fits.toSorted((a, b) => compareVersions(b.image.version, a.image.version))[0];
}
