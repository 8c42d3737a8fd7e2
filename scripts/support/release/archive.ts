/** Packs a folder so that the same files always give the same bytes (reproducible-builds.org/docs/archives). */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { succeed } from "../succeed.ts";

/**
 * Writes the folder `name` in `parent` to the archive `path`: entries in the order of their names, all of one time and of
 * root's, readable by all and writable by the owner; nothing of who packed it, when or where. It takes GNU tar.
 */
export async function packFolder(parent: string, name: string, path: string, timeS: number): Promise<void> {
  const tar = `${path}.tar`;
  try {
    const same = ["--sort=name", "--format=ustar", "--owner=0", "--group=0", "--numeric-owner", "--mode=u=rwX,go=rX"];
    await succeed(["tar", ...same, `--mtime=@${timeS}`, "-C", parent, "-cf", tar, name]);
    // gzip's head has no name and no time here (RFC 1952: MTIME 0), and zlib is Bun's own, whatever the machine has.
    await Bun.write(path, gzipSync(await Bun.file(tar).bytes(), { level: 9 }));
  } finally {
    await rm(tar, { force: true });
  }
}

/** Where a program lies in the folder that is packed. */
export function programIn(folder: string): string {
  return join(folder, "bin", "qn");
}
