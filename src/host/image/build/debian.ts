/** Builds the Debian guest: packages, then a disk, then an image that is put in place in one step. */
import { createHash } from "node:crypto";
import { chmod, mkdir, rename, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { QnError } from "../../../base/errors.ts";
import type { Arch } from "../../../base/words.ts";
import { protocolVersion } from "../../../protocol/messages.ts";
import { readTextIfThere, writeFileAtomically } from "../../../system/files.ts";
import { ownArch } from "../../../system/platform.ts";
import { guestFiles } from "../guest-files.ts";
import { formatManifest, type GuestManifest, type ImageManifest } from "../manifest.ts";
import { newStage } from "../pointers.ts";
import { activateImage, findWholeImage, hashOf } from "../store.ts";
import { debianFiles, debianLinks } from "./debian-files.ts";
import { type DiskFiles, makeRawDisk } from "./disk-image.ts";
import { packDisk } from "./pack.ts";
import { diskBytes, sfdiskScript } from "./partitions.ts";
import { archTable, kernelCommandLine, largePrograms, recipeName, sourceDateEpoch } from "./recipe.ts";
import { debianTar, packagesHash } from "./rootfs.ts";
import { runTool } from "./tool.ts";

/** Where things come from and go to. `guestBinary` is qn built for the guest. */
export type BuildOptions = {
  readonly imagesFolder: string;
  readonly cacheFolder: string;
  readonly arch: Arch;
  readonly guestBinary: string;
  readonly name: string;
  /** Takes today's packages, and builds even when an image of the same inputs is there. */
  readonly isFresh?: boolean;
  /** A Debian mirror's URL in place of mmdebstrap's own choice. */
  readonly mirror?: string | undefined;
  /** Where the kernel lists the emulators that it calls (binfmt_misc), if not in the usual place. */
  readonly emulators?: string;
  readonly signal?: AbortSignal;
  /** Told at the start of each phase, in words for a person. */
  readonly onProgress?: (phase: string) => void;
};

/** The image in its folder. `isNew` is false when one of the same inputs was there already. */
export type BuiltImage = {
  readonly folder: string;
  readonly disk: string;
  readonly manifest: ImageManifest;
  readonly isNew: boolean;
};

const programs = { qn: "/usr/local/bin/qn", nft: "/usr/sbin/nft" };

/**
 * Builds a guest of the contract from Debian's packages, or finds that it is built already. Two builds at once do not
 * disturb each other: the later one wins. Throws TOOL_MISSING, IMAGE_BUILD_FAILED with the last lines of the program
 * that failed, or INTERRUPTED; none of them leaves anything behind.
 */
export async function buildDebianImage(options: BuildOptions): Promise<BuiltImage> {
  const { arch, name, imagesFolder } = options;
  await requireRunnable(arch, options.emulators);
  const progress = options.onProgress ?? (() => undefined);
  const inputs = await inputsHash(arch, options.guestBinary);
  const existing = await findWholeImage(imagesFolder, name, arch);
  if (options.isFresh !== true && existing?.manifest.inputs === inputs) return { ...existing, isNew: false };

  await using stage = await newStage(imagesFolder);
  const { folder } = stage;
  progress("Debian packages");
  const tar = await debianTar({ ...options, isFresh: options.isFresh === true });
  const version = await runTool(["tar", "--extract", "--to-stdout", `--file=${tar}`, "./etc/debian_version"], {
    epoch: sourceDateEpoch,
    signal: options.signal,
  });
  const guest: GuestManifest = {
    name,
    version: version.trim(),
    arch,
    protocol: protocolVersion,
    recipe: recipeName,
    inputs,
  };
  progress("file systems");
  const raw = await makeRawDisk({
    arch,
    folder,
    tar,
    files: [
      ...guestFiles(programs),
      ...debianFiles,
      { path: "/etc/qn/image.json", mode: 0o644, text: formatManifest(guest) },
    ],
    links: debianLinks,
    guestBinary: options.guestBinary,
    signal: options.signal,
  });
  progress("disk image");
  const manifest = await packImage(join(folder, "image"), raw, guest, options.signal);
  const built = await activateImage(imagesFolder, join(folder, "image"), manifest);
  return { ...built, isNew: true };
}

// --- internal ---

/**
 * Packages run programs of their own when they are installed. Those of another architecture need an emulator that the
 * kernel has opened (flag F), since the tree has none where the kernel would look.
 */
async function requireRunnable(arch: Arch, emulators = "/proc/sys/fs/binfmt_misc"): Promise<void> {
  if (arch === ownArch()) return;
  const lines = ((await readTextIfThere(join(emulators, archTable[arch].emulator))) ?? "").split("\n");
  const flags = lines.find((line) => line.startsWith("flags:")) ?? "";
  if (lines.includes("enabled") && flags.includes("F")) return;
  throw new QnError(
    "IMAGE_BUILD_FAILED",
    `This machine runs no programs of ${arch}, which Debian's packages bring along.`,
    {
      hint: "On Debian: apt install qemu-user-static binfmt-support arch-test; elsewhere build it where that architecture is at home.",
    },
  );
}

/** A hash of everything that decides what is in the image, short of what the Debian mirror has today. */
async function inputsHash(arch: Arch, guestBinary: string): Promise<string> {
  const parts = [
    packagesHash(arch),
    sfdiskScript(arch),
    kernelCommandLine(arch),
    largePrograms(arch),
    guestFiles(programs),
    debianFiles,
    debianLinks,
    protocolVersion,
    await hashOf(guestBinary),
  ];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}

/** Makes the image's folder from the raw disk: `disk.qcow2`, kernel, initramfs and `image.json`. */
async function packImage(
  folder: string,
  made: DiskFiles,
  guest: GuestManifest,
  signal: AbortSignal | undefined,
): Promise<ImageManifest> {
  await mkdir(folder);
  const disk = join(folder, "disk.qcow2");
  await packDisk({ raw: made.disk, disk, folder: dirname(folder), compressed: largePrograms(guest.arch), signal });
  const { size } = await stat(disk);
  const manifest: ImageManifest = {
    ...guest,
    disk: { sha256: await hashOf(disk), sizeBytes: size, virtualSizeBytes: diskBytes },
    kernel: {
      commandLine: kernelCommandLine(guest.arch),
      files: [await putFile(folder, "kernel", made.kernel), await putFile(folder, "initrd", made.initrd)],
    },
  };
  await writeFileAtomically(join(folder, "image.json"), formatManifest(manifest), 0o644);
  return manifest;
}

/** Moves a file to its place in the image's folder, and says what `image.json` says of it. */
async function putFile<Name extends string>(folder: string, file: Name, source: string) {
  const path = join(folder, file);
  await rename(source, path);
  await chmod(path, 0o644);
  return { file, bytes: (await stat(path)).size, sha256: await hashOf(path) };
}
