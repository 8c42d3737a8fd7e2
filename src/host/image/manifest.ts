/** What an image says about itself: the schema of `image.json`, beside the disk and in the guest. */
import * as v from "valibot";
import { QnError } from "../../base/errors.ts";
import { arches } from "../../base/words.ts";

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
/** A SHA-256 as it is written everywhere. */
export const sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, "is no SHA-256 in lower-case hex"));

/** A file of an image in its folder. */
const fileSchema = <const Name extends string>(name: Name) => v.object({ file: v.literal(name), bytes: count, sha256 });

/** Names of images become folder names (`<name>-<arch>`), so they hold to the same letters as a VM's. */
const imageName = v.pipe(v.string(), v.regex(/^[a-z][a-z0-9-]{0,30}$/, "is no name of an image"));

const guestFields = {
  name: imageName,
  version: v.pipe(v.string(), v.minLength(1), v.maxLength(100)),
  arch: v.picklist(arches),
  /** The protocol that the qn inside speaks (`protocol/messages.ts`). */
  protocol: count,
  /** How it was made, such as `debian-13`. */
  recipe: v.pipe(v.string(), v.minLength(1), v.maxLength(100)),
  /** A hash of everything that went in; equal inputs need no new build. */
  inputs: sha256,
  /**
   * The format of what the guest keeps on the data disk. It grows when an older image could not read what this one
   * leaves there; without it 1.
   */
  dataVersion: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
};

const guestManifestSchema = v.object(guestFields);

/** QEMU's own limit is 2,047 bytes; a NUL would end the line early, and no other control character belongs in one. */
const commandLine = v.pipe(v.string(), v.regex(/^[\x20-\x7e]{1,2047}$/, "is no command line of a kernel"));

/** What an `image.json` has to have. */
export const manifestSchema = v.object({
  ...guestFields,
  disk: v.object({ sha256, sizeBytes: count, virtualSizeBytes: count }),
  /** Kernel and initramfs beside the disk, for a boot without firmware; an image may do without. */
  kernel: v.optional(
    v.object({
      commandLine,
      files: v.strictTuple([fileSchema("kernel"), fileSchema("initrd")]),
    }),
  ),
});

/** What is in the guest's `/etc/qn/image.json`: all but the disk, which cannot know its own hash. */
export type GuestManifest = v.InferOutput<typeof guestManifestSchema>;

/** What is in `image.json` beside the disk. Sizes are in bytes; `virtualSizeBytes` is the disk as the guest sees it. */
export type ImageManifest = v.InferOutput<typeof manifestSchema>;

/** One file of an image: its name in the image's folder, its size and its hash. */
export type ImageFile = { readonly file: string; readonly bytes: number; readonly sha256: string };

/** Every file of the image but `image.json` itself, the disk first. */
export function imageFiles({ disk, kernel }: Pick<ImageManifest, "disk" | "kernel">): readonly ImageFile[] {
  return [{ file: "disk.qcow2", bytes: disk.sizeBytes, sha256: disk.sha256 }, ...(kernel?.files ?? [])];
}

/** The format of the data disk that guests of the image leave behind. */
export function dataVersionOf({ dataVersion = 1 }: Pick<GuestManifest, "dataVersion">): number {
  return dataVersion;
}

/** Reads the text of an `image.json`. Throws IMAGE_CORRUPT with the path and the field that is wrong. */
export function parseManifest(text: string, path: string): ImageManifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new QnError("IMAGE_CORRUPT", `"${path}" is not JSON.`, { cause });
  }
  const result = v.safeParse(manifestSchema, value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw new QnError("IMAGE_CORRUPT", `"${path}" is wrong at "${v.getDotPath(issue) ?? "the top"}": ${issue.message}.`);
}

/** The text of an `image.json`, for people and machines alike. */
export function formatManifest(manifest: GuestManifest | ImageManifest): string {
  return `${JSON.stringify(manifest, undefined, 2)}\n`;
}

/** True for a name that an image may have. */
export function isImageName(name: string): boolean {
  return v.is(imageName, name);
}
