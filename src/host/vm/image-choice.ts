/** Which image a VM starts on: what the settings name, unless the VM went back from that. */
import { QnError } from "../../base/errors.ts";
import type { VmConfig } from "../config/schema.ts";
import { entryAt } from "../image/pointers.ts";
import { findImage, imageAt, imageById, type StoredImage } from "../image/store.ts";
import { readVmImages } from "../image/vm-images.ts";
import type { Layout, VmPaths } from "../layout.ts";

/**
 * The address of the image that the settings name, or nothing: also of one that is broken, from which a VM goes back.
 */
export async function namedId(layout: Layout, config: NamedImage): Promise<string | undefined> {
  if (!isFolder(config.image)) {
    const entry = await entryAt(layout.images, `${config.image}-${config.arch}`);
    if (entry.kind === "pointer") return entry.id;
  }
  return (await namedImage(layout, config).catch(() => undefined))?.id;
}

/**
 * The image that the VM starts on. A VM that went back stays on the older one until its name leads to another than that
 * time, and one whose image has lost its name stays on what it has. Throws IMAGE_MISSING and IMAGE_CORRUPT.
 */
export async function imageForVm(layout: Layout, paths: VmPaths, config: NamedImage): Promise<StoredImage> {
  const { image: name, arch } = config;
  const known = await readVmImages(paths);
  const id = await namedId(layout, config);
  if (known !== undefined && (id === undefined || known.declined === id)) {
    const kept = await imageById(layout.images, known.current);
    // What an older qn called it nobody has noted, and the image may have come by another name since.
    const isMeant = id !== undefined || known.name === null || known.name === name;
    if (isMeant && kept?.manifest.arch === arch) return kept;
  }
  const named = await namedImage(layout, config);
  if (named !== undefined) return named;
  const place = isFolder(name) ? "" : ` in ${layout.images}`;
  const hint = isFolder(name) ? { hint: "Build it again where it comes from, or name another one." } : {};
  throw new QnError("IMAGE_MISSING", `There is no image "${name}" for ${arch}${place}.`, hint);
}

// --- internal ---

type NamedImage = Pick<VmConfig, "image" | "arch">;

/** The image that the settings name, or nothing. Throws IMAGE_CORRUPT. */
async function namedImage(
  { images, cache }: Layout,
  { image: name, arch }: NamedImage,
): Promise<StoredImage | undefined> {
  const image = await (isFolder(name) ? imageAt(name, cache) : findImage(images, name, arch));
  return image?.manifest.arch === arch ? image : undefined;
}

function isFolder(name: string): boolean {
  return name.startsWith("/");
}
