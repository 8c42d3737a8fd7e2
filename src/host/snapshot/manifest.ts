/** What a snapshot says about itself: the schema of its `snapshot.json`, and the names that snapshots may have. */
import * as v from "valibot";
import { QnError } from "../../base/errors.ts";

/** Files of layers, in the folder of their disk: the name says the format. */
export const layerPattern = /^[0-9a-f]{16}\.(raw|qcow2)$/;

/** Names become folder names; a dot in front is for what is half done. */
const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

/** A format of the data, as it is noted beside a data disk. */
export const dataVersionSchema = v.pipe(v.string(), v.regex(/^[1-9]\d{0,8}$/));

const manifestSchema = v.object({
  format: v.literal(1),
  madeAtMs: v.pipe(v.number(), v.integer(), v.minValue(0)),
  /** The address of the image that the system disk lies on; nothing where there was no system disk. */
  image: v.optional(v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/))),
  /** The format of the data where it was noted (`image/data-version.ts`). */
  dataVersion: v.optional(dataVersionSchema),
  /** The VM's own files that there were, by their names in its folder. */
  files: v.array(v.string()),
  /** By the name of each disk of data its layer; disks that are not there were not there then. */
  layers: v.record(v.pipe(v.string(), v.regex(/^[a-z][a-z0-9-]{0,30}$/)), v.pipe(v.string(), v.regex(layerPattern))),
});

/** What is in `snapshot.json`. */
export type SnapshotManifest = v.InferOutput<typeof manifestSchema>;

/** Reads the text of a `snapshot.json`. Throws DISK_FAILED with its path. */
export function parseSnapshot(text: string, path: string): SnapshotManifest {
  try {
    return v.parse(manifestSchema, JSON.parse(text));
  } catch (cause) {
    throw new QnError("DISK_FAILED", `"${path}" is no snapshot's: ${String(cause)}.`, {
      cause,
      hint: "A newer qn may have made it; `qn snapshot rm` removes it.",
    });
  }
}

/** The text of a `snapshot.json`. */
export function formatSnapshot(manifest: SnapshotManifest): string {
  return `${JSON.stringify(manifest, undefined, 2)}\n`;
}

/** Passes for a name that a snapshot may have. Throws USAGE. */
export function requireSnapshotName(name: string): void {
  if (namePattern.test(name)) return;
  throw new QnError("USAGE", `"${name}" cannot be the name of a snapshot.`, {
    hint: "Use letters, digits, dots, hyphens and underscores, a letter or digit first, at most 63 characters.",
  });
}
