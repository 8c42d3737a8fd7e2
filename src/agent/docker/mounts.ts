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
    const device = isLocal ? boundDevice(Options?.["o"], Options?.["device"]) : undefined;
    return device === undefined ? [] : [{ path: device, createMissing: false }];
  });
  return [...binds, ...mounts, ...devices]
    .filter((source) => source.path.startsWith("/"))
    .map((source) => ({ ...source, path: cleanPath(source.path) }));
}

/**
 * The folder that a volume of the driver `local` is, by its options (mount(8)'s `-o bind`); nothing for one that is
 * something else, such as a share of NFS.
 */
export function boundDevice(options = "", device = ""): string | undefined {
  return options.split(",").some((word) => word === "bind" || word === "rbind") ? device : undefined;
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
