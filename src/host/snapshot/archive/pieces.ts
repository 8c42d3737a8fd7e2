/** The pieces of a disk that hold something, read through all layers that it lies on. */
import { open } from "node:fs/promises";
import { dirname, join } from "node:path";
import * as v from "valibot";
import type { DiskFile } from "../../image/live-disk.ts";
import { qemuImg } from "../../image/qemu-img.ts";
import { layerBelow } from "../layers.ts";
import { bounds } from "./manifest.ts";

/** Where a piece belongs in its disk, and its bytes, which are good until the next one is asked for. */
export type Piece = { readonly offset: number; readonly bytes: Uint8Array };

const extentSchema = v.object({
  start: v.number(),
  length: v.number(),
  depth: v.number(),
  data: v.boolean(),
  zero: v.boolean(),
  offset: v.optional(v.number()),
});

type Extent = v.InferOutput<typeof extentSchema>;

/** How much of a disk qemu-img is asked about at once: its answer is text, of which a guest decides how much. */
const windowBytes = 4 * 1024 ** 3;

/** The bytes that the pieces of a disk have at most. Throws DISK_FAILED. */
export async function dataBytesOf(disk: DiskFile, sizeBytes: number): Promise<number> {
  let sum = 0;
  for await (const { length } of extentsOf(disk, sizeBytes)) sum += length;
  return sum;
}

/** The pieces, in order; what is all zeroes is left out. Throws DISK_FAILED and the system's errors. */
export async function* piecesOf(disk: DiskFile, sizeBytes: number): AsyncGenerator<Piece> {
  const chain = await Promise.all((await chainOf(disk)).map((path) => open(path, "r")));
  const buffer = Buffer.alloc(bounds.piece);
  try {
    for await (const extent of extentsOf(disk, sizeBytes)) {
      const file = chain[extent.depth];
      if (file === undefined || extent.offset === undefined) {
        throw new Error(`qemu-img map names data of "${disk.path}" that cannot be read as it is`);
      }
      for (let done = 0; done < extent.length;) {
        const length = Math.min(buffer.length, extent.length - done);
        const { bytesRead } = await file.read(buffer, 0, length, extent.offset + done);
        if (bytesRead === 0) break;
        const bytes = buffer.subarray(0, bytesRead);
        if (!isZero(bytes)) yield { offset: extent.start + done, bytes };
        done += bytesRead;
      }
    }
  } finally {
    await Promise.all(chain.map((file) => file.close()));
  }
}

// --- internal ---

/** The disk's file and all that it lies on, by the depth that qemu-img counts. */
async function chainOf({ path }: DiskFile): Promise<readonly string[]> {
  const chain = [path];
  for (;;) {
    const below = await layerBelow(chain.at(-1) ?? path);
    if (below === undefined) return chain;
    chain.push(join(dirname(path), below));
  }
}

async function* extentsOf({ path, format }: DiskFile, sizeBytes: number): AsyncGenerator<Extent> {
  for (let start = 0; start < sizeBytes; start += windowBytes) {
    const length = Math.min(windowBytes, sizeBytes - start);
    const range = [`--start-offset=${start}`, `--max-length=${length}`];
    const words = ["map", "--output=json", "-f", format, ...range, path];
    const text = await qemuImg(`"${path}" cannot be read`, dirname(path), words);
    const extents = v.parse(v.array(extentSchema), JSON.parse(text));
    yield* extents.filter(({ data, zero }) => data && !zero);
  }
}

const zeros = Buffer.alloc(bounds.piece);

function isZero(bytes: Uint8Array): boolean {
  return zeros.compare(bytes, 0, bytes.length, 0, bytes.length) === 0;
}
