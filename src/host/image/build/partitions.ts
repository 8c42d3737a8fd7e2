/** Where the two partitions of a guest's system disk are, and the words for sfdisk that make them. */
import type { Arch } from "../../../base/words.ts";
import { archTable, ids } from "./recipe.ts";

const sectorBytes = 512;
const mebibyte = 1024 * 1024;

/** The disk as the guest sees it. The root takes all that the EFI system partition leaves. */
export const diskBytes = 6 * 1024 * mebibyte;

/** A partition's place on the disk. */
export type Extent = { readonly offsetBytes: number; readonly sizeBytes: number };

/** Kernel, initramfs and loader: about 13 MiB. 1 MiB before it is the usual alignment, and room for the GPT. */
export const esp: Extent = { offsetBytes: mebibyte, sizeBytes: 64 * mebibyte };

/** The last MiB is left to the GPT's copy at the disk's end. */
export const root: Extent = {
  offsetBytes: esp.offsetBytes + esp.sizeBytes,
  sizeBytes: diskBytes - esp.offsetBytes - esp.sizeBytes - mebibyte,
};

const espPartitionType = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B";

/** What sfdisk reads from its standard input (sfdisk(8), "Input formats"). */
export function sfdiskScript(arch: Arch): string {
  return [
    "label: gpt",
    `label-id: ${ids.disk}`,
    `${extentWords(esp)}, type=${espPartitionType}, uuid=${ids.espPartition}, name="esp"`,
    `${extentWords(root)}, type=${archTable[arch].rootPartitionType}, uuid=${ids.rootPartition}, name="root"`,
    "",
  ].join("\n");
}

// --- internal ---

function extentWords({ offsetBytes, sizeBytes }: Extent): string {
  return `start=${offsetBytes / sectorBytes}, size=${sizeBytes / sectorBytes}`;
}
