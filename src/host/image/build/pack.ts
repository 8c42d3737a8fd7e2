/** From a raw disk to a qcow2 file, in which large programs are compressed one by one. */
import { open, rm } from "node:fs/promises";
import { join } from "node:path";
import { root } from "./partitions.ts";
import { sourceDateEpoch } from "./recipe.ts";
import { runTool } from "./tool.ts";

/** `folder` is a place to work in. `compressed` are paths in the root file system; the raw disk loses their content. */
export type PackOptions = {
  readonly raw: string;
  readonly disk: string;
  readonly folder: string;
  readonly compressed: readonly string[];
  readonly signal: AbortSignal | undefined;
};

/**
 * Packs the disk. What is compressed takes a third, and QEMU unpacks it faster than a guest reads; all else stays as it
 * is, because a download that is compressed as a whole is smaller by a quarter than the sum of clusters. Throws as
 * runTool does, and the system's errors.
 */
export async function packDisk({ raw, disk, folder, compressed, signal }: PackOptions): Promise<void> {
  const tool = async (...command: readonly string[]): Promise<string> =>
    await runTool(command, { epoch: sourceDateEpoch, signal });
  const runs: Run[] = [];
  for (const path of compressed) {
    runs.push(
      ...clusterRuns(await tool("debugfs", "-R", `dump_extents -l ${path}`, `${raw}?offset=${root.offsetBytes}`)),
    );
  }
  const large = join(folder, "large.raw");
  await copyRuns(raw, large, runs);
  for (const { offsetBytes, sizeBytes } of runs) {
    await tool("fallocate", "--punch-hole", `--offset=${offsetBytes}`, `--length=${sizeBytes}`, raw);
  }
  const into = ["-f", "raw", "-O", "qcow2"];
  await tool("qemu-img", "convert", ...into, "-c", "-o", "compression_type=zstd", large, disk);
  await tool("qemu-img", "convert", ...into, "-n", "--target-is-zero", raw, disk);
  await rm(large);
}

/** Whole clusters of the disk, one after the other. */
export type Run = { readonly offsetBytes: number; readonly sizeBytes: number };

/**
 * The clusters that belong to a file alone, from what debugfs says of its extents (`dump_extents -l`): level, entries,
 * logical and physical blocks, length.
 */
export function clusterRuns(extents: string): readonly Run[] {
  const rows = extents.matchAll(/^\s*\d+\/\s*\d+\s+\d+\/\s*\d+\s+\d+ -\s+\d+\s+(\d+) -\s+(\d+)\s+\d+/gm);
  return [...rows].flatMap(([, first, last]) => {
    const begin = root.offsetBytes + Number(first) * blockBytes;
    const end = root.offsetBytes + (Number(last) + 1) * blockBytes;
    const offsetBytes = Math.ceil(begin / clusterBytes) * clusterBytes;
    const sizeBytes = Math.floor(end / clusterBytes) * clusterBytes - offsetBytes;
    return sizeBytes > 0 ? [{ offsetBytes, sizeBytes }] : [];
  });
}

// --- internal ---

/** mke2fs' block on a disk of this size, and qemu-img's cluster. */
const blockBytes = 4096;
const clusterBytes = 65_536;

/** Makes `target` as large as `source`, with nothing in it but the runs. */
async function copyRuns(source: string, target: string, runs: readonly Run[]): Promise<void> {
  await using from = await open(source, "r");
  await using to = await open(target, "w");
  await to.truncate((await from.stat()).size);
  const piece = Buffer.alloc(1024 * 1024);
  for (const { offsetBytes, sizeBytes } of runs) {
    for (let done = 0; done < sizeBytes;) {
      const at = offsetBytes + done;
      const { bytesRead } = await from.read(piece, 0, Math.min(piece.length, sizeBytes - done), at);
      if (bytesRead === 0) throw new Error(`"${source}" ends before byte ${at}.`);
      await to.write(piece, 0, bytesRead, at);
      done += bytesRead;
    }
  }
}
