/** The mounts of containers that Docker starts by itself: no request announces them. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import { isErrno } from "../../system/files.ts";
import { type BindSource, bindSourcesOf } from "./request.ts";

/** Docker's own record of its containers, on the data disk: it is mounted before the place where Docker looks for it. */
const recordsFolder = "/var/lib/qn/docker/containers";

const recordSchema = v.object({
  RestartPolicy: v.nullish(v.object({ Name: v.optional(v.string(), "") })),
  Binds: v.nullish(v.array(v.string())),
  Mounts: v.nullish(v.array(v.object({ Type: v.unknown(), Source: v.unknown() }))),
});

/**
 * The bind sources of every container with a restart policy, as `hostconfig.json` has them. dockerd starts such containers
 * before it answers its first request, so they are prepared before dockerd. A record that cannot be read is left out:
 * dockerd does not know that container either.
 */
export async function sourcesOfRestarting(folder: string = recordsFolder): Promise<BindSource[]> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return [];
    throw error;
  }
  const records = await Promise.all(names.map((name) => recordAt(join(folder, name, "hostconfig.json"))));
  return records.flatMap((record) => (isRestarted(record) ? bindSourcesOf(record) : []));
}

// --- internal ---

type DockerRecord = v.InferOutput<typeof recordSchema>;

async function recordAt(path: string): Promise<DockerRecord> {
  try {
    return v.parse(recordSchema, JSON.parse(await readFile(path, "utf8")));
  } catch {
    return {};
  }
}

function isRestarted({ RestartPolicy }: DockerRecord): boolean {
  return !["", "no"].includes(RestartPolicy?.Name ?? "");
}
