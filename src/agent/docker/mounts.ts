/** Which paths of the host a container mounts, in the words of Docker's API. */
import { cleanPath } from "../../base/words.ts";
import type { MountRequests } from "../../system/docker-views.ts";

/** A bind source. Docker makes a missing one that was asked for with `-v`, and refuses it with `--mount`. */
export type BindSource = { readonly path: string; readonly createMissing: boolean };

/** The bind sources in a HostConfig: the absolute ones of `Binds` and the bind mounts of `Mounts`, cleaned of dots. */
export function bindSourcesOf(requests: MountRequests): BindSource[] {
  const binds = (requests.Binds ?? []).map((bind) => ({ path: bind.split(":")[0] ?? "", createMissing: true }));
  const mounts = (requests.Mounts ?? [])
    .filter((mount) => mount.Type === "bind")
    .map(({ Source, BindOptions }) => ({
      path: Source ?? "",
      createMissing: BindOptions?.CreateMountpoint === true,
    }));
  return [...binds, ...mounts]
    .filter((source) => source.path.startsWith("/"))
    .map((source) => ({ ...source, path: cleanPath(source.path) }));
}

/** The entry of `folder` that a path lies in: "a" for /tmp/a/b and the folder /tmp; nothing when it lies elsewhere. */
export function entryOf(path: string, folder: string): string | undefined {
  if (!path.startsWith(`${folder}/`)) return undefined;
  return path.slice(folder.length + 1).split("/")[0];
}
