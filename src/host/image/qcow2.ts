/**
 * The head of a qcow2 file: whether the disk in it is all in that file. Whatever else a head names, QEMU opens with the
 * user's rights and shows to the guest. By QEMU's docs/interop/qcow2.txt; all numbers are big-endian.
 */

/** How much of a file `whyNotAlone` wants to see: a head of qemu-img's has less than a kibibyte. */
export const qcow2HeadBytes = 65_536;

/**
 * Why the disk that starts with these bytes is not only itself, to follow its name in a sentence; nothing when it is.
 * What qn does not know counts as a reason.
 */
export function whyNotAlone(head: Uint8Array): string | undefined {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  if (head.length < lengths[2] || view.getUint32(0) !== magic) return "is no qcow2 image";
  const version = view.getUint32(at.version);
  if (version !== 2 && version !== 3) return `is a qcow2 image of version ${version}, which qn does not know`;
  if (view.getBigUint64(at.backingOffset) !== 0n || view.getUint32(at.backingSize) !== 0) return backing(head, view);
  if (view.getUint32(at.encryption) !== 0) return "is encrypted";
  const clusterBits = view.getUint32(at.clusterBits);
  if (clusterBits < 9 || clusterBits > 21 || head.length < lengths[version]) return broken;
  const reason = version === 3 ? featureReason(view.getBigUint64(at.incompatible)) : undefined;
  if (reason !== undefined) return reason;
  return extensionsReason(view, version === 3 ? view.getUint32(at.length) : lengths[2], 2 ** clusterBits);
}

/** Whether these bytes begin a qcow2 file, and not one whose making was cut short. */
export function isQcow2(head: Uint8Array): boolean {
  return (
    head.length >= lengths[2] && new DataView(head.buffer, head.byteOffset, head.byteLength).getUint32(0) === magic
  );
}

/** The name of the file that the disk with this head lies on, as it stands there; nothing when it lies on none. */
export function backingName(head: Uint8Array): string | undefined {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  return view.getBigUint64(at.backingOffset) === 0n ? undefined : backingText(head, view);
}

/** The size of the disk with this head as a guest sees it, in bytes. */
export function virtualBytes(head: Uint8Array): number {
  return Number(new DataView(head.buffer, head.byteOffset, head.byteLength).getBigUint64(at.virtualSize));
}

// --- internal ---

/** "QFI" and 0xfb. */
const magic = 0x51_46_49_fb;

/** Where the fields are, in bytes. */
const at = {
  version: 4,
  backingOffset: 8,
  backingSize: 16,
  clusterBits: 20,
  virtualSize: 24,
  encryption: 32,
  incompatible: 72,
  length: 100,
} as const;

/** How long the head is at least, by version. */
const lengths = { 2: 72, 3: 104 } as const;

const broken = "has a head that is no whole one of a qcow2 image";

/**
 * Bits of the features without which nobody can read the image: those that change only how its own clusters are kept.
 */
const ownFeatures = (1n << 0n) | (1n << 3n) | (1n << 4n); // Dirty counts of clusters, zstd, halves of clusters.
const corruptFeature = 1n << 1n;
const dataFileFeature = 1n << 2n;

/** What may come between the head and the first cluster's end; all that is needed is refused by name. */
const extensions: Readonly<Record<number, string | undefined>> = {
  0x68_03_f8_57: undefined, // Names of features.
  0x23_85_28_75: undefined, // Bitmaps.
  0xe2_79_2a_ca: "names the format of a backing file",
  0x44_41_54_41: "has an external data file",
  0x05_37_be_77: "is encrypted",
};

function backing(head: Uint8Array, view: DataView): string {
  return `has a backing file ("${backingText(head, view)}")`;
}

function backingText(head: Uint8Array, view: DataView): string {
  const start = Number(view.getBigUint64(at.backingOffset));
  const name = head.subarray(start, start + Math.min(view.getUint32(at.backingSize), 1023));
  return new TextDecoder().decode(name);
}

function featureReason(features: bigint): string | undefined {
  if ((features & dataFileFeature) !== 0n) return "has an external data file";
  if ((features & corruptFeature) !== 0n) return "is marked as corrupt";
  const unknown = features & ~ownFeatures;
  return unknown === 0n ? undefined : `has features that qn does not know (0x${unknown.toString(16)})`;
}

function extensionsReason(view: DataView, length: number, clusterBytes: number): string | undefined {
  if (length < lengths[2] || length > clusterBytes) return broken;
  let offset = length;
  while (offset + 8 <= clusterBytes) {
    if (offset + 8 > view.byteLength) return broken;
    const [type, size] = [view.getUint32(offset), view.getUint32(offset + 4)];
    if (type === 0) return undefined;
    if (size > clusterBytes - offset - 8) return broken;
    if (!(type in extensions)) return `has an extension that qn does not know (0x${type.toString(16)})`;
    const reason = extensions[type];
    if (reason !== undefined) return reason;
    offset += 8 + Math.ceil(size / 8) * 8;
  }
  return undefined;
}
