/** Debian's packages as one tar file, installed once and kept in the cache. */
import { createHash, randomBytes } from "node:crypto";
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Arch } from "../../../base/words.ts";
import { isThere } from "../../../system/files.ts";
import { cleanTree } from "./debian-files.ts";
import { archTable, hotModules, packagesFor, pathFilters, recipeName, sourceDateEpoch, suite } from "./recipe.ts";
import { runTool } from "./tool.ts";

/** What tiny-initramfs is to carry (`/etc/tiny-initramfs/tiny-initramfs.conf`): a system disk on virtio, with ext4. */
const initramfsSettings = ["AUTO_MODULES=no", "MICROCODE=no", "INCLUDE_MODULES=virtio_blk,crc32c,ext4"];

/** Runs in the tree (`$1`) before the kernel's package makes its initramfs. */
const configureTree = [
  'mkdir -p "$1/etc/tiny-initramfs"',
  `printf '%s\\n' ${initramfsSettings.join(" ")} > "$1/etc/tiny-initramfs/tiny-initramfs.conf"`,
].join(" && ");

/** Runs in the tree (`$1`) when all packages are installed. */
const unpackHotModules = [
  'version=$(ls "$1/usr/lib/modules")',
  `chroot "$1" modprobe --all --set-version="$version" --ignore-install --show-depends ${hotModules.join(" ")} > "$1/hot"`,
  `awk '$2 ~ /xz$/ { print $2 }' "$1/hot" | sort -u | chroot "$1" xargs unxz`,
  'rm "$1/hot"',
  'chroot "$1" depmod "$version"',
].join(" && ");

/** Runs in the tree (`$1`): tiny-initramfs packs the times and inode numbers of the building machine. */
const repackInitramfs = [
  'chroot "$1" sh -euc \'mkdir /initramfs && cd /initramfs',
  "zcat /boot/initrd.img-* | cpio --quiet --extract --make-directories",
  `find . -exec touch --no-dereference --date=@${sourceDateEpoch} {} +`,
  "find . -print0 | sort -z | cpio --null --quiet --create --format=newc --reproducible --owner=0:0 | gzip -9n > /initramfs.gz",
  "mv /initramfs.gz /boot/initrd.img-* && rm -r /initramfs'",
].join(" && ");

/** Everything that decides what is in the tar file, short of what the mirror has today. */
function mmdebstrapArguments(arch: Arch): readonly string[] {
  return [
    "--variant=apt",
    `--architectures=${archTable[arch].debianArch}`,
    `--include=${packagesFor(arch).join(",")}`,
    '--aptopt=APT::Install-Recommends "false"',
    "--dpkgopt=force-unsafe-io",
    ...pathFilters(arch).map((filter) => `--dpkgopt=${filter}`),
    `--essential-hook=${configureTree}`,
    `--customize-hook=${unpackHotModules}`,
    `--customize-hook=${repackInitramfs}`,
    `--customize-hook=${cleanTree}`,
    "--format=tar",
  ];
}

/** A hash that is equal when the tar file need not be made again. */
export function packagesHash(arch: Arch): string {
  return createHash("sha256")
    .update(JSON.stringify([recipeName, suite, sourceDateEpoch, mmdebstrapArguments(arch)]))
    .digest("hex");
}

/**
 * The path of the tar file in `cacheFolder`; makes it when it is not there or `isFresh` asks for today's packages.
 * Works as root and, through user namespaces, as an ordinary user with a range in /etc/subuid. `mirror` stands in for
 * mmdebstrap's own choice. Throws as runTool does.
 */
export async function debianTar(options: {
  readonly arch: Arch;
  readonly cacheFolder: string;
  readonly isFresh: boolean;
  readonly mirror?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}): Promise<string> {
  const name = `debian-${options.arch}-${packagesHash(options.arch).slice(0, 16)}.tar`;
  const path = join(options.cacheFolder, name);
  if (!options.isFresh && (await isThere(path))) return path;
  await mkdir(options.cacheFolder, { recursive: true });
  const temporary = join(options.cacheFolder, `.${name}.${randomBytes(6).toString("hex")}.tmp`);
  const mirrors = options.mirror === undefined ? [] : [options.mirror];
  try {
    await runTool(["mmdebstrap", ...mmdebstrapArguments(options.arch), suite, temporary, ...mirrors], {
      epoch: sourceDateEpoch,
      signal: options.signal,
    });
    await rename(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
  return path;
}
