/**
 * How this machine completes names: the `search` and `options` of its resolv.conf, which containers have on Linux too.
 */
import { realpath, stat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { type NamesMessage, optionPattern, searchMax, suffixPattern } from "../../protocol/names.ts";
import { readTextIfThere } from "../../system/files.ts";
import { watchFile } from "../../system/watch.ts";

/** What a resolv.conf says besides its servers. */
export type Search = Omit<NamesMessage, "type">;

/** Where systemd-resolved keeps what is behind its stub at 127.0.0.53, which Docker reads in the stub's place. */
const behindStub = "/run/systemd/resolve/resolv.conf";

/**
 * The search list and options of a resolv.conf (resolv.conf(5)): of `search` and `domain` the last counts, options add
 * up. What is no name or no option is left out, as is the root, which completes nothing.
 */
export function searchIn(resolvConf: string): Search {
  const lines = resolvConf.split("\n").map((line) => line.trim().split(/\s+/));
  const said = (names: readonly string[]): string[][] =>
    lines.filter(([name = ""]) => names.includes(name)).map(([, ...words]) => words);
  const search = said(["search", "domain"]).at(-1) ?? [];
  return {
    search: search.filter((word) => suffixPattern.test(word)).slice(0, searchMax),
    options: [...new Set(said(["options"]).flat())].filter((word) => optionPattern.test(word)).slice(0, searchMax),
  };
}

/** Reads it as Docker on this machine would; nothing is said by a file that is not there. */
export async function readSearch(path: string): Promise<Search> {
  const text = (await readTextIfThere(path)) ?? "";
  const servers = [...text.matchAll(/^\s*nameserver\s+(\S+)/gm)].map(([, server]) => server);
  const isStub = servers.length > 0 && servers.every((server) => server === "127.0.0.53");
  return searchIn((isStub ? await readTextIfThere(behindStub) : undefined) ?? text);
}

/** Calls `onChange` when the file may be another one, also where it is a link into a folder of another program's. */
export async function watchSearch(path: string, onChange: () => void): Promise<{ close(): void }> {
  const real = await realpath(path).catch(() => path);
  const places = [...new Set([path, real])];
  const watches: { close(): void }[] = [];
  for (const place of places) {
    const isFolder = (await stat(dirname(place)).catch(() => undefined))?.isDirectory() === true;
    if (isFolder) watches.push(watchFile(dirname(place), basename(place), onChange));
  }
  return { close: () => watches.forEach((watch) => watch.close()) };
}
