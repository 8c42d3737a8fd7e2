/** The door to the guest's own tools for disks: util-linux, e2fsprogs and udev. */
import { mkdir, open, readFile, realpath, rmdir } from "node:fs/promises";
import { basename } from "node:path";
import { serialOf, volumesFolder } from "../../protocol/disks.ts";
import { within } from "../../system/clock.ts";
import { mount } from "../../system/kernel/libc.ts";
import { mountTable } from "../../system/mount-table.ts";
import { followProgram, run } from "../../system/process.ts";
import { type Ext4, readExt4, superblockEnd } from "./ext4.ts";

/** What is done with disks. Each throws with the tool's own words. */
export type DiskTools = {
  /** The device of a disk, once it is there. */
  find(name: string): Promise<string>;
  /** What is known of what is on a device, as libblkid's words: file systems, partition tables, and others. */
  signatures(device: string): Promise<readonly string[]>;
  superblock(device: string): Promise<Ext4 | undefined>;
  /** Makes a file system, whatever there is. */
  format(device: string, name: string): Promise<void>;
  isMounted(folder: string): boolean;
  mount(device: string, folder: string): Promise<void>;
  /** Resolves to a device's size in bytes once that is at least `sizeBytes`: the kernel hears of it in its own time. */
  size(device: string, sizeBytes: number): Promise<number>;
  /** Makes a mounted file system as large as its device. */
  fill(device: string): Promise<void>;
};

/** How long a device, or its new size, may take to be there. */
const deviceMs = 10_000;

/** The guest's own. */
export const diskTools: DiskTools = {
  async find(name) {
    const link = `/dev/disk/by-id/virtio-${serialOf(name)}`;
    await tool(["udevadm", "wait", `--timeout=${deviceMs / 1000}`, link]);
    return await realpath(link);
  },
  async signatures(device) {
    const said = await tool(["wipefs", "--no-act", "--noheadings", "--output", "TYPE", device]);
    return said.split("\n").flatMap((line) => line.trim() || []);
  },
  async superblock(device) {
    await using file = await open(device, "r");
    const { buffer, bytesRead } = await file.read(Buffer.alloc(superblockEnd), 0, superblockEnd, 0);
    return readExt4(buffer.subarray(0, bytesRead));
  },
  async format(device, name) {
    // The disk's file on the host is one hole: nothing need be discarded, and no table or journal be zeroed.
    const extended = "nodiscard,lazy_itable_init=1,lazy_journal_init=1";
    await tool(["mkfs.ext4", "-q", "-m", "0", "-L", name, "-E", extended, device]);
  },
  isMounted: (folder) => mountTable().some(({ target }) => target === folder),
  async mount(device, folder) {
    if (!diskTools.isMounted(volumesFolder)) {
      await mkdir(volumesFolder, { recursive: true });
      // The place of a disk that is gone is gone, too: nobody writes to an empty folder in its stead.
      mount("qn-disks", volumesFolder, "tmpfs", "size=64k,mode=0755");
    }
    await mkdir(folder, { recursive: true });
    try {
      await tool(["mount", "-t", "ext4", "-o", "noatime,discard", device, folder]);
    } catch (error) {
      await rmdir(folder);
      throw error;
    }
    // Programs such as PostgreSQL want an empty folder, and e2fsck makes this one when it needs it. It may hold files.
    await rmdir(`${folder}/lost+found`).catch(() => {});
  },
  async size(device, sizeBytes) {
    const now = await sysfsSize(device);
    if (now >= sizeBytes) return now;
    const over = new AbortController();
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const look = async (): Promise<void> => {
      const bytes = await sysfsSize(device);
      if (bytes >= sizeBytes) resolve(bytes);
    };
    // Its first lines say that it listens: what came between the look above and now is seen then.
    const monitor = ["udevadm", "monitor", "--kernel", "--subsystem-match=block"];
    followProgram(monitor, () => void look().catch(reject), over.signal).catch(reject);
    try {
      return await within(promise, deviceMs, () => new Error("the guest's kernel sees no larger disk"));
    } finally {
      over.abort();
    }
  },
  async fill(device) {
    await tool(["resize2fs", device]);
  },
};

// --- internal ---

/** The size of a device in bytes; the kernel counts in sectors of 512 whatever the device has. */
async function sysfsSize(device: string): Promise<number> {
  return Number(await readFile(`/sys/class/block/${basename(device)}/size`, "utf8")) * 512;
}

async function tool(command: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await run(command);
  if (exitCode === 0) return stdout;
  const words = stderr.trim().split("\n").at(-1) ?? "";
  throw new Error(`${command[0]}: ${words === "" ? `status ${exitCode}` : words}`);
}
