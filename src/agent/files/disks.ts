/** The VM's own disks in the guest: mounted by name, made a file system where they are blank, and grown. */
import { messageOf } from "../../base/errors.ts";
import { newQueue } from "../../base/queue.ts";
import type { DiskState } from "../../protocol/disk-messages.ts";
import { dataDisk, folderOf } from "../../protocol/disks.ts";
import type { Boot, HostMessage } from "../../protocol/messages.ts";
import { type DiskTools, diskTools } from "./disk-tools.ts";

/** A device may end with a part of a group that no file system can use (ext4: less than its tables take). */
const unusableBytes = 32 * 1024 ** 2;

/** The disks of one boot. The data disk is mounted by systemd, the others here. */
export class Disks {
  readonly #names: readonly string[];
  readonly #tools: DiskTools;
  readonly #onTrouble: (text: string) => void;
  readonly #errors = new Map<string, string>();
  readonly #inTurn = newQueue();

  constructor(disks: Boot["disks"], onTrouble: (text: string) => void, tools: DiskTools = diskTools) {
    this.#names = (disks ?? []).map(({ name }) => name);
    this.#tools = tools;
    this.#onTrouble = onTrouble;
  }

  /** Mounts every disk that is not mounted yet. One that cannot be is told of, and keeps nothing else from starting. */
  async mountAll(): Promise<void> {
    for (const name of this.#names) {
      try {
        if (!this.#tools.isMounted(folderOf(name))) await mountDisk(name, this.#tools);
      } catch (error) {
        this.#errors.set(name, clipped(messageOf(error)));
        this.#onTrouble(`the disk "${name}": ${messageOf(error)}`);
      }
    }
  }

  /** Makes file systems as large as the host says that their disks are, and says what there is of each. */
  async fillAll(disks: Extract<HostMessage, { type: "disks" }>["disks"]): Promise<DiskState[]> {
    return await this.#inTurn(async () => {
      const states: DiskState[] = [];
      for (const { name, sizeBytes } of disks) {
        if (name !== dataDisk && !this.#names.includes(name)) continue;
        states.push(await this.#stateOf(name, sizeBytes));
      }
      return states;
    });
  }

  async #stateOf(name: string, sizeBytes: number): Promise<DiskState> {
    const error = this.#errors.get(name);
    if (error !== undefined) return { name, error };
    try {
      return { name, sizeBytes: await fillDisk(name, sizeBytes, this.#tools) };
    } catch (failure) {
      this.#onTrouble(`the disk "${name}" does not grow: ${messageOf(failure)}`);
      return { name, error: clipped(messageOf(failure)) };
    }
  }
}

// --- internal ---

/**
 * Mounts a disk. Only one on which nobody knows anything is made a file system; and one that was just being made one,
 * by its label, when the guest was ended: it was never mounted, and cannot be. Throws for all else that is there.
 */
async function mountDisk(name: string, tools: DiskTools): Promise<void> {
  const device = await tools.find(name);
  const signatures = await tools.signatures(device);
  if (signatures.length === 0) await tools.format(device, name);
  const found = await tools.superblock(device);
  if (found === undefined || signatures.some((type) => !ownSignatures.has(type))) {
    throw new Error(`it holds ${signatures.join(", ") || "something unknown"} and not ext4 alone: it is left as it is`);
  }
  try {
    await tools.mount(device, folderOf(name));
  } catch (error) {
    if (signatures.length === 0 || found.isUsed || found.label !== name) throw error;
    await tools.format(device, name);
    await tools.mount(device, folderOf(name));
  }
}

/** What libblkid calls what mkfs.ext4 leaves; before its end, a journal or a file system of fewer features. */
const ownSignatures: ReadonlySet<string> = new Set(["ext4", "ext3", "ext2"]);

/** Resolves to the size of the file system in bytes. */
async function fillDisk(name: string, sizeBytes: number, tools: DiskTools): Promise<number> {
  if (!tools.isMounted(folderOf(name))) throw new Error("it is not mounted");
  const device = await tools.find(name);
  const deviceBytes = await tools.size(device, sizeBytes);
  const before = await tools.superblock(device);
  if (before === undefined) throw new Error("it has no ext4 file system");
  if (deviceBytes - before.sizeBytes < unusableBytes) return before.sizeBytes;
  await tools.fill(device);
  return (await tools.superblock(device))?.sizeBytes ?? before.sizeBytes;
}

/** As much as the host takes (protocol/disk-messages.ts). */
function clipped(text: string): string {
  return text.slice(0, 1_024);
}
