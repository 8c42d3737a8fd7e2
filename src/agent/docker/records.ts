/** The mounts of containers by Docker's own records: of those that it starts by itself, and of one that is started. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import { isErrno } from "../../system/files.ts";
import { type BindSource, bindSourcesOf, mountRequestEntries } from "./mounts.ts";

/** Docker's own record of its containers, on the data disk: it is mounted before the place where Docker looks for it. */
const recordsFolder = "/var/lib/qn/docker/containers";

const recordSchema = v.object({
  RestartPolicy: v.nullish(v.object({ Name: v.optional(v.string(), "") })),
  ...mountRequestEntries,
});

/**
 * The bind sources of one container, by its whole id; nothing for a name, or for one that has no record. Docker would answer
 * the same, but only after it has asked all its plugins about the question.
 */
export async function sourcesOfRecord(
  id: string,
  folder: string = recordsFolder,
): Promise<readonly BindSource[] | undefined> {
  if (!/^[0-9a-f]{64}$/.test(id)) return undefined;
  try {
    return bindSourcesOf(await readRecord(join(folder, id, "hostconfig.json")));
  } catch {
    return undefined;
  }
}

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
    return await readRecord(path);
  } catch {
    return {};
  }
}

async function readRecord(path: string): Promise<DockerRecord> {
  return v.parse(recordSchema, JSON.parse(await readFile(path, "utf8")));
}

function isRestarted({ RestartPolicy }: DockerRecord): boolean {
  return !["", "no"].includes(RestartPolicy?.Name ?? "");
}
