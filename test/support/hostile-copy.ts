/** `qn cp` from a guest that sends what it likes, and what there is of this machine before and after. */
import { lstat, mkdir, readdir, readFile, readlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type RawEntry, rawTar } from "./raw-tar.ts";
import { type TwoSides, twoSides } from "./ssh-to-here.ts";

/** A guest that announces one thing and sends another; this machine has `mine` and a folder `in` to copy to. */
export async function hostileGuest(kind: string, entries: readonly RawEntry[]): Promise<TwoSides> {
  const sides = await twoSides(`printf 'qn-cp ${kind} 3\\n'; cat stream; exit 0`);
  await send(sides, entries);
  await mkdir(join(sides.host, "in"));
  await writeFile(join(sides.host, "mine"), "mine", { mode: 0o600 });
  return sides;
}

/** What it sends from now on. */
export async function send({ guest }: TwoSides, entries: readonly RawEntry[]): Promise<void> {
  await writeFile(join(guest, "stream"), rawTar(entries));
}

/** The folders of copies in the VM's own, where other things of qn's lie too. */
export async function asides({ own }: TwoSides): Promise<string[]> {
  return (await readdir(own)).filter((name) => name.startsWith(".qn-cp."));
}

/** What there is of this machine, as lines: "name mode content", of others than files "name/ mode" and "name? mode". Links are not followed. */
export async function tree(folder: string, within = ""): Promise<string[]> {
  const names = await readdir(join(folder, within));
  const lines = names.toSorted().map(async (each) => {
    const name = join(within, each);
    const path = join(folder, name);
    const facts = await lstat(path);
    if (facts.isSymbolicLink()) return [`${name} -> ${await readlink(path)}`];
    const mode = (facts.mode & 0o7777).toString(8);
    if (facts.isFile()) return [`${name} ${mode} ${await readFile(path, "utf8")}`];
    return facts.isDirectory() ? [`${name}/ ${mode}`, ...(await tree(folder, name))] : [`${name}? ${mode}`];
  });
  return (await Promise.all(lines)).flat();
}
