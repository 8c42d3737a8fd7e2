/** The NixOS image of a flake: Nix makes it, here or in a VM that runs, and the store of images takes it in. */
import { chmod, copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { QnError } from "../../base/errors.ts";
import type { Arch } from "../../base/words.ts";
import { writeFileAtomically } from "../../system/files.ts";
import type { VmPaths } from "../layout.ts";
import { builtIn, nix, nixBuild, nixStore } from "./nix.ts";
import { formatManifest, imageFiles, type ImageManifest } from "../image/manifest.ts";
import { newStage } from "../image/pointers.ts";
import { activateImage, findWholeImage, imageAt, type StoredImage, verifyImage } from "../image/store.ts";

/** What to build. */
export type NixosBuildOptions = {
  readonly imagesFolder: string;
  readonly cacheFolder: string;
  readonly name: string;
  readonly arch: Arch;
  /** `FLAKE#NAME` is one of its nixosConfigurations; without a name it is the flake's own image. */
  readonly flake: string;
  /** The VM that builds it, on a machine that cannot: a Mac. */
  readonly builder: VmPaths | undefined;
  readonly signal: AbortSignal;
  readonly onProgress: (phase: string) => void;
  /** Hears what Nix says while it works, line by line. */
  readonly onLine: (line: string) => void;
};

/** The words that Nix knows the image by. */
export function imageInstallable(flake: string, arch: Arch): string {
  const [reference = "", name = ""] = flake.split("#", 2);
  if (name === "") return `${reference}#packages.${arch}-linux.image`;
  return name.includes(".") ? flake : `${reference}#nixosConfigurations.${name}.config.system.build.qnImage`;
}

/**
 * Builds the image and takes it in under `name`. Throws TOOL_MISSING without Nix, IMAGE_BUILD_FAILED with its last
 * words or when what it made is no image of that architecture, and IMAGE_CORRUPT.
 */
export async function buildNixosImage(options: NixosBuildOptions): Promise<StoredImage & { readonly isNew: boolean }> {
  const { imagesFolder, cacheFolder, name, arch, builder, signal, onProgress, onLine } = options;
  const call = {
    vm: builder,
    signal,
    onLine,
    failed: (message: string, details: readonly string[]) => new QnError("IMAGE_BUILD_FAILED", message, { details }),
  };
  onProgress(builder === undefined ? "Nix builds" : `Nix builds in the VM "${builder.name}"`);
  const installable = imageInstallable(options.flake, arch);
  const path = await nixBuild([...(builder === undefined ? [] : builtIn(builder)), installable], call);
  if (builder !== undefined) await nix(["copy", "--no-check-sigs", "--from", nixStore(builder), path], call);

  const made = await imageAt(path, cacheFolder);
  if (made?.manifest.arch !== arch) {
    const what = made === undefined ? "no image" : `an image for ${made.manifest.arch}`;
    throw new QnError("IMAGE_BUILD_FAILED", `${installable} is ${what}, and should be one for ${arch}.`, {
      hint: "Name a nixosConfiguration with qn.nixosModules.guest in it, as the template `guest` has.",
    });
  }
  const existing = await findWholeImage(imagesFolder, name, arch);
  if (existing?.id === made.id) return { ...existing, isNew: false };
  onProgress("taking the image in");
  await verifyImage(made);
  return { ...(await takeIn(made, imagesFolder, name)), isNew: true };
}

// --- internal ---

async function takeIn(made: StoredImage, imagesFolder: string, name: string): Promise<StoredImage> {
  await using stage = await newStage(imagesFolder);
  const folder = join(stage.folder, "image");
  await mkdir(folder);
  for (const { file } of imageFiles(made.manifest)) {
    await copyFile(join(made.folder, file), join(folder, file));
    await chmod(join(folder, file), 0o644);
  }
  const manifest: ImageManifest = { ...made.manifest, name };
  await writeFileAtomically(join(folder, "image.json"), formatManifest(manifest), 0o644);
  return await activateImage(imagesFolder, folder, manifest);
}
