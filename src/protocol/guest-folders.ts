/**
 * Which folders a guest has itself, and which of those people mean as the host's. The host refuses shares by it, and
 * the agent says by it how a bind source can be shared. An agent of another version may have another list: what it says
 * is then advice of its time, and the host's answer counts.
 */
import { liesIn } from "../base/words.ts";

/** How a path stands between host and guest. */
export type Standing = {
  /** Whose it is when the guest has something there and no share covers it. */
  readonly meant: "guest" | "host";
} & (
  | { readonly shareable: "yes" }
  /** A share of it, or only of the whole of it, would take `own` away from the guest, or a part of that. */
  | { readonly shareable: "no" | "only-below"; readonly own: string }
);

/** Folders that a guest has itself and lives on: a share over one, or in one, would take them away from it. */
export const guestFolders: readonly string[] =
  "/bin /boot /dev /etc /lib /lib32 /lib64 /libx32 /nix /proc /run /sbin /sys /usr /var".split(" ");

/** A folder in one of the guest's where people have files nevertheless. */
type PeoplesFolder = {
  readonly path: string;
  /** As a whole; below it only, where a guest has the folder itself; or not at all. */
  readonly shareable: "whole" | "below" | "no";
  /** Who is meant by what is there in the guest. */
  readonly meant: Standing["meant"];
};

/** Each with how it can be shared. None lies in another one. */
export const peoplesFolders: readonly PeoplesFolder[] = [
  { path: "/run/media", shareable: "whole", meant: "host" },
  // systemd mounts a file system of its own here for each user who logs in to the guest (user@.service(5)).
  { path: "/run/user", shareable: "no", meant: "host" },
  { path: "/usr/home", shareable: "whole", meant: "host" },
  { path: "/usr/local/src", shareable: "whole", meant: "host" },
  // What a container wants to see here are the headers of the kernel that it runs on.
  { path: "/usr/src", shareable: "below", meant: "guest" },
  { path: "/var/folders", shareable: "whole", meant: "host" },
  { path: "/var/home", shareable: "whole", meant: "host" },
  { path: "/var/mnt", shareable: "whole", meant: "host" },
  { path: "/var/opt", shareable: "below", meant: "host" },
  { path: "/var/srv", shareable: "whole", meant: "host" },
  { path: "/var/tmp", shareable: "below", meant: "host" },
  { path: "/var/www", shareable: "whole", meant: "host" },
];

/** How a clean path stands: whether a share may lie there, and whose it is when the guest has something there. */
export function standingOf(path: string): Standing {
  if (path === "/") return { shareable: "no", meant: "guest", own: path };
  const own = guestFolders.find((folder) => liesIn(path, folder));
  if (own === undefined) return { shareable: "yes", meant: "host" };
  const peoples = peoplesFolders.find((folder) => liesIn(path, folder.path));
  if (peoples === undefined) return { shareable: "no", meant: "guest", own };
  const { shareable, meant } = peoples;
  if (shareable === "no") return { shareable, meant, own };
  if (shareable === "below" && path === peoples.path) return { shareable: "only-below", meant, own };
  return { shareable: "yes", meant };
}
