/**
 * Docker's own records of its containers: what those mount that it starts by itself, and what one is that is started.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import {
  type ContainerDetails,
  type MountRequests,
  mountRequestsSchema,
  parseDetails,
  withTakenMounts,
} from "../../system/docker-views.ts";
import { cleanPath } from "../../base/words.ts";
import { namesIn } from "../../system/files.ts";
import { type BindSource, bindSourcesOf, foldersOfVolume, volumesOf } from "./mounts.ts";

/**
 * Docker's own record of its containers, on the data disk: it is mounted before the place where Docker looks for it.
 */
const recordsFolder = "/var/lib/qn/docker/containers";

/** The same of its volumes: what the driver `local` was told of each (moby, volume/local/local.go). */
const volumesFolder = "/var/lib/qn/docker/volumes";

const volumeSchema = v.object({ MountOpts: v.optional(v.string(), ""), MountDevice: v.optional(v.string(), "") });

/** What a container has mounted, by the place in it. */
const mountedSchema = v.object({ MountPoints: v.nullish(v.record(v.string(), v.unknown()), {}) });

const ownSchema = v.object({
  Name: v.string(),
  State: v.object({ Running: v.boolean() }),
  ...mountedSchema.entries,
});

const recordSchema = v.object({
  RestartPolicy: v.nullish(v.object({ Name: v.optional(v.string(), "") })),
  ...mountRequestsSchema.entries,
});

/**
 * One container by its whole id, as Docker would describe it; nothing for a name, or for one whose record cannot be
 * read. Docker would answer the same, but only after it has asked its plugins about the question. It writes both
 * files anew whenever something changes, each at once (moby, container/container.go, CheckpointTo).
 */
export async function recordOf(id: string, folder: string = recordsFolder): Promise<ContainerDetails | undefined> {
  if (!/^[0-9a-f]{64}$/.test(id)) return undefined;
  try {
    const [own, HostConfig] = await Promise.all(
      ["config.v2.json", "hostconfig.json"].map((name) => readJson(join(folder, id, name))),
    );
    const { Name, State, MountPoints } = v.parse(ownSchema, own);
    return parseDetails({ Id: id, Name, State, HostConfig, Mounts: Object.values(MountPoints ?? {}) });
  } catch {
    return undefined;
  }
}

/** The folders that the volumes of a container are made of, as far as these are the host's (`o=bind`, overlays). */
export async function volumeSources(requests: MountRequests, folder: string = volumesFolder): Promise<BindSource[]> {
  const looks = volumesOf(requests).map(async (name) => {
    try {
      const { MountOpts, MountDevice } = v.parse(volumeSchema, await readJson(join(folder, name, "opts.json")));
      return foldersOfVolume(MountOpts, MountDevice);
    } catch {
      // A volume without options has no such file, and one that is not there is Docker's to make.
      return [];
    }
  });
  const folders = (await Promise.all(looks)).flat().filter((path) => path.startsWith("/"));
  return folders.map((path) => ({ path: cleanPath(path), createMissing: false }));
}

/**
 * The bind sources of every container with a restart policy, as Docker's records have them. dockerd starts such
 * containers before it answers its first request, so they are prepared before dockerd. A record that cannot be read is
 * left out: dockerd does not know that container either.
 */
export async function sourcesOfRestarting(
  folder: string = recordsFolder,
  volumes: string = volumesFolder,
): Promise<BindSource[]> {
  const names = await namesIn(folder);
  const records = await Promise.all(names.map((name) => recordAt(join(folder, name))));
  const restarted = records.filter((record) => record !== undefined && isRestarted(record));
  const ofVolumes = await Promise.all(restarted.map(async (record) => await volumeSources(record ?? {}, volumes)));
  return [...restarted.flatMap((record) => bindSourcesOf(record ?? {})), ...ofVolumes.flat()];
}

// --- internal ---

type DockerRecord = v.InferOutput<typeof recordSchema>;

async function recordAt(folder: string): Promise<DockerRecord | undefined> {
  try {
    const record = v.parse(recordSchema, await readJson(join(folder, "hostconfig.json")));
    if ((record.VolumesFrom ?? []).length === 0) return record;
    const { MountPoints } = v.parse(mountedSchema, await readJson(join(folder, "config.v2.json")));
    return withTakenMounts(record, Object.values(MountPoints ?? {}));
  } catch {
    return undefined;
  }
}

async function readJson(path: string): Promise<unknown> {
  return JSON.parse(await readFile(path, "utf8"));
}

function isRestarted({ RestartPolicy }: DockerRecord): boolean {
  return !["", "no"].includes(RestartPolicy?.Name ?? "");
}
