/** Which paths of the host a container mounts, in the words of Docker's API. */
import { cleanPath } from "../../base/words.ts";
import type { MountRequests } from "../../system/docker-views.ts";

/** A bind source. Docker makes a missing one that was asked for with `-v`, and refuses it with `--mount`. */
export type BindSource = { readonly path: string; readonly createMissing: boolean };

/**
 * The bind sources in a HostConfig: the absolute ones of `Binds`, the bind mounts of `Mounts`, and the folders of
 * volumes that it makes there, cleaned of dots.
 */
export function bindSourcesOf(requests: MountRequests): BindSource[] {
  const binds = (requests.Binds ?? []).map((bind) => ({ path: bind.split(":")[0] ?? "", createMissing: true }));
  const mounts = (requests.Mounts ?? [])
    .filter((mount) => mount.Type === "bind")
    .map(({ Source, BindOptions }) => ({
      path: Source ?? "",
      createMissing: BindOptions?.CreateMountpoint === true,
    }));
  const devices = (requests.Mounts ?? []).flatMap(({ Type, VolumeOptions }) => {
    const { Name, Options } = VolumeOptions?.DriverConfig ?? {};
    const isLocal = Type === "volume" && ["", "local"].includes(Name ?? "");
    const folders = isLocal ? foldersOfVolume(Options?.["o"], Options?.["device"]) : [];
    return folders.map((path) => ({ path, createMissing: false }));
  });
  return [...binds, ...mounts, ...devices]
    .filter((source) => source.path.startsWith("/"))
    .map((source) => ({ ...source, path: cleanPath(source.path) }));
}

/**
 * The folders that a volume of the driver `local` is made of, by its options (mount(8)): that of `bind`, or the layers
 * of an overlay; none of one that is something else, such as a share of NFS.
 */
export function foldersOfVolume(options = "", device = ""): string[] {
  return options.split(",").flatMap((word) => {
    if (word === "bind" || word === "rbind") return device;
    return /^(?:lowerdir|upperdir|workdir)=(.*)$/.exec(word)?.[1]?.split(":") ?? [];
  });
}

/** The names of the volumes that a container mounts, which were made before or are made for it. */
export function volumesOf({ Binds, Mounts }: MountRequests): string[] {
  const named = (Binds ?? []).map((bind) => bind.split(":")[0] ?? "");
  const mounted = (Mounts ?? []).flatMap(({ Type, Source }) => (Type === "volume" ? (Source ?? "") : []));
  return [...named, ...mounted].filter((name) => /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}$/.test(name));
}

/** The entry of `folder` that a path lies in: "a" for /tmp/a/b and the folder /tmp; nothing when it lies elsewhere. */
export function entryOf(path: string, folder: string): string | undefined {
  if (!path.startsWith(`${folder}/`)) return undefined;
  return path.slice(folder.length + 1).split("/")[0];
}
