/** From a tar file and the guest's own files to a disk that boots: GPT, EFI system partition, root. No loop devices. */
import { chmod, mkdir, symlink, truncate, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Arch } from "../../../base/words.ts";
import type { GuestFile } from "../guest-files.ts";
import type { GuestLink } from "./debian-files.ts";
import { diskBytes, esp, root, sfdiskScript } from "./partitions.ts";
import { archTable, ids, kernelCommandLine, sourceDateEpoch } from "./recipe.ts";
import { runTool } from "./tool.ts";

/** What a disk is made from. `folder` is a place to work in, which the caller makes and removes. */
export type DiskParts = {
  readonly arch: Arch;
  readonly folder: string;
  readonly tar: string;
  readonly files: readonly GuestFile[];
  readonly links: readonly GuestLink[];
  /** Copied to the guest as `/usr/local/bin/qn`. */
  readonly guestBinary: string;
  readonly signal?: AbortSignal | undefined;
};

/** Paths of a raw, sparse disk, and of the kernel and the initramfs that are in it too. */
export type DiskFiles = { readonly disk: string; readonly kernel: string; readonly initrd: string };

/** Makes the disk below `folder`. Throws as runTool does. */
export async function makeRawDisk(parts: DiskParts): Promise<DiskFiles> {
  const overlay = join(parts.folder, "overlay");
  const disk = join(parts.folder, "disk.raw");
  await writeOverlay(overlay, parts);
  await writeFile(disk, "");
  await truncate(disk, diskBytes);
  await tool(parts, ["sfdisk", "--quiet", disk], sfdiskScript(parts.arch));
  await tool(parts, asRoot(["sh", "-euc", rootScript, "sh", parts.folder, parts.tar, disk]));
  await tool(parts, ["sh", "-euc", espScript, "sh", parts.folder, disk, archTable[parts.arch].bootFile]);
  return { disk, kernel: join(parts.folder, "esp/linux"), initrd: join(parts.folder, "esp/initrd") };
}

// --- internal ---

/** Lays the guest's files out as they will be, their modes included, to be copied over Debian's tree. */
async function writeOverlay(overlay: string, parts: DiskParts): Promise<void> {
  for (const file of parts.files) {
    const path = join(overlay, file.path);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, file.text);
    await chmod(path, file.mode);
  }
  for (const link of parts.links) {
    const path = join(overlay, link.path);
    await mkdir(dirname(path), { recursive: true });
    await symlink(link.target, path);
  }
  const program = join(overlay, "usr/local/bin/qn");
  await mkdir(dirname(program), { recursive: true });
  await tool(parts, ["cp", parts.guestBinary, program]);
  await chmod(program, 0o755);
  const loader = join(parts.folder, "esp/loader");
  await mkdir(join(loader, "entries"), { recursive: true });
  await writeFile(join(loader, "loader.conf"), "timeout 0\neditor no\ndefault qn.conf\n");
  await writeFile(
    join(loader, "entries/qn.conf"),
    ["title qn", "linux /linux", "initrd /initrd", `options ${kernelCommandLine(parts.arch)}`, ""].join("\n"),
  );
  await mkdir(join(parts.folder, "esp/EFI/BOOT"), { recursive: true });
  await tool(parts, [
    "tar",
    "--extract",
    `--file=${parts.tar}`,
    `--directory=${join(parts.folder, "esp")}`,
    "--wildcards",
    "--transform=s,.*/vmlinuz-.*,linux,;s,.*/initrd\\.img-.*,initrd,",
    `--transform=s,.*/systemd-boot[a-z0-9]*\\.efi$,EFI/BOOT/${archTable[parts.arch].bootFile},`,
    "./boot/vmlinuz-*",
    "./boot/initrd.img-*",
    `./usr/lib/systemd/boot/efi/${archTable[parts.arch].loader}`,
  ]);
}

/**
 * The root file system. Under fakeroot every file is root's unless the tar file says otherwise. The kernel and its
 * initramfs are on the EFI system partition and need no second copy.
 */
const rootScript = [
  'mkdir "$1/root"',
  'tar --extract --file="$2" --directory="$1/root" --numeric-owner --exclude="./boot/vmlinuz-*" --exclude="./boot/initrd*" --exclude="./dev/*"',
  // A folder's mode is copied, too; qn itself makes folders as whoever builds makes them (umask(2)).
  'find "$1/overlay" -type d -exec chmod 755 {} +',
  'cp --recursive --no-dereference --preserve=mode,links --remove-destination "$1/overlay/." "$1/root/"',
  `find "$1/root" -newermt @${sourceDateEpoch} -exec touch --no-dereference --date=@${sourceDateEpoch} {} +`,
  `fs="$3?offset=${root.offsetBytes}"`,
  [
    `E2FSPROGS_FAKE_TIME=${sourceDateEpoch} mke2fs -q -F -t ext4 -L qn-root -m 0 -U ${ids.rootFileSystem}`,
    `-E offset=${root.offsetBytes},hash_seed=${ids.rootHashSeed},root_owner=0:0,nodiscard,lazy_itable_init=0,assume_storage_prezeroed=1`,
    `-d "$1/root" "$3" ${root.sizeBytes / 1024}k`,
  ].join(" "),
  // mke2fs before 1.47.1 keeps the times at which files were unpacked.
  [
    'inodes=$(dumpe2fs -h "$fs" 2>/dev/null',
    "awk '/^Inode count:/ { all = $3 } /^Free inodes:/ { free = $3 } END { print all - free }')",
  ].join(" | "),
  [
    `seq 2 "$inodes"`,
    `awk '{ print "sif <" $1 "> ctime @${sourceDateEpoch}"; print "sif <" $1 "> atime @${sourceDateEpoch}" }' > "$1/times"`,
  ].join(" | "),
  `E2FSPROGS_FAKE_TIME=${sourceDateEpoch} debugfs -w -f "$1/times" "$fs" >/dev/null 2>&1`,
].join("\n");

/** The EFI system partition, written in place by mtools. */
const espScript = [
  `find "$1/esp" -exec touch --date=@${sourceDateEpoch} {} +`,
  [
    `mkfs.vfat --invariant -F 16 -n QN-ESP -i ${ids.espVolume} --offset ${esp.offsetBytes / 512}`,
    `"$2" ${esp.sizeBytes / 1024} >/dev/null`,
  ].join(" "),
  `mcopy -s -m -Q -i "$2@@${esp.offsetBytes}" "$1/esp/EFI" "$1/esp/loader" "$1/esp/linux" "$1/esp/initrd" ::`,
].join("\n");

/** Root has no need for fakeroot. */
function asRoot(command: readonly string[]): readonly string[] {
  return process.getuid?.() === 0 ? command : ["fakeroot", "--", ...command];
}

async function tool(parts: DiskParts, command: readonly string[], stdin?: string): Promise<void> {
  await runTool(command, {
    epoch: sourceDateEpoch,
    signal: parts.signal,
    ...(stdin === undefined ? {} : { stdin }),
  });
}
