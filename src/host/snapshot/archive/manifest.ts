/**
 * The form of an exported VM: eight bytes of a mark, then one zstd stream of the manifest, each disk's pieces, and the
 * SHA-256 of all before it. There are no names of files in it, so none can lead anywhere.
 */
import * as v from "valibot";
import { QnError } from "../../../base/errors.ts";
import { arches } from "../../../base/words.ts";
import { dataVersionSchema } from "../manifest.ts";

/** What the file begins with. */
export const mark = Buffer.from("qndata1\n");

/** The most that is believed of a file: the manifest's length, one piece's, and the size of a disk, in bytes. */
export const bounds = { manifest: 256 * 1024, piece: 1024 ** 2, disk: 65_536 * 1024 ** 3 } as const;

/** Bytes of a piece's head: where it belongs in its disk, and its length; a length of 0 is the disk's end. */
export const pieceHeadBytes = 12;

/** Bytes of the digest at the end. */
export const digestBytes = 32;

const count = v.pipe(v.number(), v.integer(), v.minValue(0));

const manifestSchema = v.object({
  format: v.literal(1),
  /** The qn that made it. */
  qn: v.pipe(v.string(), v.maxLength(100)),
  arch: v.picklist(arches),
  madeAtMs: count,
  /** The format of the data where it is not the first. */
  dataVersion: v.optional(dataVersionSchema),
  /** Settings that go along, by path; the names of those that do not. */
  settings: v.record(v.string(), v.unknown()),
  leftOut: v.pipe(v.array(v.pipe(v.string(), v.regex(/^[A-Za-z.]{1,64}$/))), v.maxLength(200)),
  /** The data disk: its size, and the most that its pieces have together. */
  disks: v.strictTuple([
    v.object({
      name: v.literal("data"),
      sizeBytes: v.pipe(count, v.minValue(512), v.multipleOf(512), v.maxValue(bounds.disk)),
      dataBytes: count,
    }),
  ]),
});

/** What an export says about itself. */
export type ArchiveManifest = v.InferOutput<typeof manifestSchema>;

/** Reads a manifest. Throws ARCHIVE_REFUSED with the file and the field that is wrong. */
export function parseArchiveManifest(text: string, file: string): ArchiveManifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw refused(file, "its manifest is not JSON", cause);
  }
  const result = v.safeParse(manifestSchema, value, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw refused(file, `its manifest is wrong at "${v.getDotPath(issue) ?? "the top"}"`);
}

/** The ARCHIVE_REFUSED of a file, with the reason as the end of a sentence. */
export function refused(file: string, reason: string, cause?: unknown): QnError {
  return new QnError("ARCHIVE_REFUSED", `"${file}" cannot be imported: ${reason}.`, { cause });
}
