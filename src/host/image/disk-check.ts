/** Looks a qcow2 disk over with `qemu-img check`: whether what it says of its clusters fits together. Mends nothing. */
import { stat } from "node:fs/promises";
import * as v from "valibot";
import { run } from "../../system/process.ts";

/**
 * What is wrong with the disk, in qemu-img's words; nothing when it is sound. Clusters that are taken and not used are
 * no fault. What it lies on is not opened, whatever its head says of it, and no lock of QEMU's is taken: a VM that
 * starts meanwhile does not notice, but then what is found does not count. Throws TOOL_MISSING.
 */
export async function diskFault(path: string, signal?: AbortSignal): Promise<string | undefined> {
  const disk = JSON.stringify({ driver: "qcow2", backing: null, file: { driver: "file", filename: path } });
  const { exitCode, stdout, stderr } = await run(["qemu-img", "check", "-U", "--output=json", `json:${disk}`], {
    ...(signal !== undefined && { signal }),
  });
  const report = reportIn(stdout);
  // 3 stands for leaked clusters alone (qemu-img(1)).
  if (exitCode === 0 || exitCode === 3) return await shortness(path, report["image-end-offset"]);
  const [said] = stderr.split("\n").filter((line) => line.trim() !== "");
  if (said !== undefined) return said.slice(0, 200);
  return `${report.corruptions ?? 0} wrong clusters, ${report["check-errors"]} that cannot be looked at`;
}

// --- internal ---

const schema = v.object({
  "image-end-offset": v.optional(v.number(), 0),
  "check-errors": v.optional(v.number(), 0),
  corruptions: v.optional(v.number()),
});

function reportIn(text: string): v.InferOutput<typeof schema> {
  try {
    return v.parse(schema, JSON.parse(text));
  } catch {
    return { "image-end-offset": 0, "check-errors": 0 };
  }
}

/** The largest cluster (qcow2.txt): the last one of a file need not be there whole. */
const clusterBytesMax = 2 * 1024 ** 2;

/** qemu-img takes what is behind a file's end for zeroes. */
async function shortness(path: string, endBytes: number): Promise<string | undefined> {
  const { size } = await stat(path);
  return size + clusterBytesMax > endBytes ? undefined : `it has ${size} bytes, and uses ${endBytes}`;
}
