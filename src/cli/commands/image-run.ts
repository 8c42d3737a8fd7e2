/** What the `qn image` commands do. */
import { join } from "node:path";
import { QnError } from "../../base/errors.ts";
import { type Arch, arches, byteSize } from "../../base/words.ts";
import { buildDebianImage } from "../../host/image/build/debian.ts";
import { buildNixosImage } from "../../host/nixos/image.ts";
import { isImageName } from "../../host/image/manifest.ts";
import { listImages, removeImage } from "../../host/image/store.ts";
import { statusOfVm, vmNames } from "../../host/lifecycle/status.ts";
import { ownArch } from "../../system/platform.ts";
import { isThere } from "../../system/files.ts";
import { layoutHere, vmHere } from "../vm-here.ts";
import { selfCommand } from "../self.ts";
import { printJson, printTable, say, showPhase, succeed } from "../terminal/show.ts";
import { interruption } from "../terminal/signals.ts";

/** What `qn image build` was asked for. */
export type ImageRequest = {
  readonly guest: string;
  readonly name: string;
  readonly arch: string | undefined;
  readonly flake: string | undefined;
  readonly builder: string | undefined;
  readonly isFresh: boolean;
};

/** Builds the Debian image with the qn that belongs into it, or a flake's NixOS image. Throws what the build throws. */
export async function buildImage(request: ImageRequest): Promise<void> {
  const layout = layoutHere();
  const arch = archNamed(request.arch);
  const name = imageNamed(request.name);
  const startedAtMs = Date.now();
  using interrupted = interruption();
  const common = {
    imagesFolder: layout.images,
    cacheFolder: layout.cache,
    arch,
    name,
    signal: interrupted.signal,
    onProgress: (phase: string) => showPhase(phase, Date.now() - startedAtMs),
  };
  const flake = flakeOf(request);
  const built =
    flake === undefined
      ? await buildDebianImage({
          ...common,
          guestBinary: await guestBinary(arch),
          isFresh: request.isFresh,
          mirror: process.env["QN_DEBIAN_MIRROR"],
        })
      : await buildNixosImage({
          ...common,
          flake,
          onLine: (line) => say(`  ${line}`),
          builder: request.builder === undefined ? undefined : vmHere(request.builder).paths,
        });
  succeed(`Image "${name}" for ${arch} is ${built.isNew ? "built" : "up to date"}: ${built.folder}`);
}

/** Prints the images. */
export async function showImages(json: boolean): Promise<void> {
  const images = await listImages(layoutHere().images);
  if (json) return printJson(images.map(({ folder, manifest }) => ({ folder, ...manifest })));
  if (images.length === 0) return say("There are no images; `qn image build` makes one.");
  printTable(
    ["NAME", "ARCH", "VERSION", "RECIPE", "SIZE"],
    images.map(({ manifest: { name, arch, version, recipe, disk } }) => [
      name,
      arch,
      version,
      recipe,
      byteSize(disk.sizeBytes),
    ]),
  );
}

/** Removes an image. Throws IMAGE_MISSING when there is none, IMAGE_IN_USE when a VM runs on it. */
export async function removeUnusedImage(name: string, archName: string | undefined): Promise<void> {
  const layout = layoutHere();
  const arch = archNamed(archName);
  // One that is corrupt, or that qn refuses, can be removed too.
  if (!(await isThere(layout.image(imageNamed(name), arch)))) {
    throw new QnError("IMAGE_MISSING", `There is no image "${name}" for ${arch}.`);
  }
  for (const vm of await vmNames(layout)) {
    const status = await statusOfVm(layout.vm(vm), process.env);
    const runs = status.state !== "stopped" && status.state !== "failed";
    if (runs && status.image === name && status.arch === arch) {
      throw new QnError("IMAGE_IN_USE", `The VM "${vm}" runs on the image "${name}".`);
    }
  }
  await removeImage(layout.images, name, arch);
  succeed(`Image "${name}" for ${arch} is removed.`);
}

// --- internal ---

/** The flake of a NixOS image; nothing for a Debian one. Throws USAGE. */
function flakeOf({ guest, flake, builder, isFresh }: ImageRequest): string | undefined {
  if (guest === "debian" && flake === undefined && builder === undefined) return undefined;
  if (guest === "nixos" && flake !== undefined && !isFresh) return flake;
  if (guest !== "debian" && guest !== "nixos") {
    throw new QnError("USAGE", `--guest is "${guest}"; it is one of debian, nixos.`);
  }
  throw new QnError(
    "USAGE",
    guest === "nixos"
      ? "A NixOS image is that of a flake: --flake is missing, or --fresh is too much."
      : "--flake and --builder are for NixOS images.",
    { hint: "Write it as in `qn image build --guest nixos --flake .#guest`." },
  );
}

/** Node's words for architectures in the names of qn's release files. */
const releaseArch: Record<Arch, string> = { x86_64: "x64", aarch64: "arm64" };

/**
 * The qn that goes into the guest: this very program where host and guest are alike, else the Linux build that is
 * delivered beside it. Throws IMAGE_BUILD_FAILED when there is none.
 */
async function guestBinary(arch: Arch): Promise<string> {
  const [program = "", ...rest] = selfCommand();
  if (process.platform === "linux" && arch === ownArch() && rest.length === 0) return program;
  const beside = join(program, "..", `qn-linux-${releaseArch[arch]}`);
  if (await isThere(beside)) return beside;
  throw new QnError("IMAGE_BUILD_FAILED", `The guest's qn is missing: there is no ${beside}.`, {
    hint: "Put the Linux build of the same version there.",
  });
}

function archNamed(name: string | undefined): Arch {
  if (name === undefined) return ownArch();
  const arch = arches.find((known) => known === name);
  if (arch === undefined) throw new QnError("USAGE", `--arch is "${name}"; it is one of ${arches.join(", ")}.`);
  return arch;
}

function imageNamed(name: string): string {
  if (!isImageName(name)) throw new QnError("USAGE", `"${name}" cannot be the name of an image.`);
  return name;
}
