/** A folder that qn serves, mounted on this machine by the kernel's own FUSE. */
import { accessSync, constants } from "node:fs";
import { chmod, chown, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { unmount } from "../../src/system/kernel/libc.ts";
import { newFolder } from "./folder.ts";
import { plainUser } from "./fuse-calls.ts";

/** Whether this machine lets it be: root, and /dev/fuse. */
export const canMount = process.getuid?.() === 0 && isThere("/dev/fuse");

/** The folder on the host, where it is mounted, and the process that passes requests on. */
export type FuseMount = { readonly folder: string; readonly at: string; readonly place: string; readonly pid: number };

/**
 * How it is served: as an ordinary user unless `uid` is another one, as Linux does or as on a Mac, and by processes that
 * may open so many files.
 */
export type Serving = {
  readonly uid?: number;
  readonly isMac?: boolean;
  readonly openFilesMax?: number;
  readonly flags?: readonly string[];
};

/** Serves a new folder and mounts it; nothing is believed for any time unless `flags` say so. */
export async function inFuseMount(
  use: (mount: FuseMount) => Promise<void>,
  { uid = plainUser, isMac = false, openFilesMax = 1024, flags = ["--lifetime-ms=0"] }: Serving = {},
): Promise<void> {
  await using place = await newFolder();
  const [folder, at] = [join(place.path, "share"), join(place.path, "mounted")];
  await mkdir(folder);
  await mkdir(at);
  for (const each of [place.path, folder]) await chown(each, uid, uid);
  await chmod(place.path, 0o755);
  const script = join(import.meta.dir, "inside/fuse-mount.ts");
  const command = [
    process.execPath,
    script,
    folder,
    join(place.path, "s.sock"),
    at,
    `${uid}`,
    isMac ? "darwin" : "linux",
    `${openFilesMax}`,
    ...flags,
  ];
  const bridge = Bun.spawn(command, { stdio: ["ignore", "pipe", "inherit"] });
  let isMounted = false;
  for await (const text of bridge.stdout) if ((isMounted = Buffer.from(text).includes("mounted"))) break;
  if (!isMounted) throw new Error("the folder is not mounted");
  try {
    await use({ folder, at, place: place.path, pid: bridge.pid });
  } finally {
    unmount(at);
    await bridge.exited;
  }
}

// --- internal ---

function isThere(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
