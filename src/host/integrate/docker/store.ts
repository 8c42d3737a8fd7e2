/**
 * The docker command's own files: its contexts, and which one is current (docker/cli, cli/context/store and
 * cli/config).
 */
import { mkdir, realpath, rm, rmdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { messageOf } from "../../../base/errors.ts";
import { pause } from "../../../system/clock.ts";
import { readTextAtOnce } from "../../../system/files-at-once.ts";
import { isThere, readTextIfThere, writeFileAtomically } from "../../../system/files.ts";
import { ownHome, ownUid } from "../../../system/platform.ts";
import type { Environment } from "../../vm/settings.ts";
import { memberOf, withMember, withoutMember } from "./json-member.ts";

/** A context's file, as far as qn looks at it; whatever else it has stays. */
export type ContextFile = { readonly [key: string]: unknown };

/** How long another qn may take to be done with the same files. */
const lockPatience = { tries: 100, pauseMs: 20 };

/** The member of config.json that names the current context. */
const current = "currentContext";

/** The folder of the docker command's files: DOCKER_CONFIG, or else `.docker` in the home folder. */
export function dockerFolder(env: Environment): string {
  const given = env["DOCKER_CONFIG"];
  if (given !== undefined && given !== "") return given;
  const home = env["HOME"];
  return join(home === undefined || home === "" ? ownHome() : home, ".docker");
}

/**
 * Does something with the docker command's files while no other qn does. Throws an Error when the folder belongs to
 * somebody else (as it may under sudo), or when another qn holds it for 2 s.
 */
export async function withDockerFiles<Result>(folder: string, action: () => Promise<Result>): Promise<Result> {
  if ((await stat(folder)).uid !== ownUid()) throw new Error(`${folder} belongs to another user`);
  // Whoever only looks needs no lock, and no door to the C library.
  const { lockFolder } = await import("../../../system/kernel/lock.ts");
  for (let attempt = 0; attempt < lockPatience.tries; attempt += 1) {
    // The folder itself is locked: nothing of qn's stays behind in it.
    const lock = lockFolder(folder);
    if (lock === undefined) {
      await pause(lockPatience.pauseMs);
      continue;
    }
    try {
      return await action();
    } finally {
      lock.release();
    }
  }
  throw new Error(`${folder} is held by another qn`);
}

/** The context `name`, or nothing when there is none. Throws an Error when its file is broken. */
export async function readContext(folder: string, name: string): Promise<ContextFile | undefined> {
  const path = contextFile(folder, name);
  const text = readTextAtOnce(path);
  if (text === undefined) return undefined;
  const value: unknown = JSON.parse(text);
  if (!isContextFile(value)) throw new Error(`${path} is no JSON object`);
  return value;
}

/** Writes the context `name`, with the permissions that the docker command gives it. */
export async function writeContext(folder: string, name: string, value: ContextFile): Promise<void> {
  const path = contextFile(folder, name);
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  await writeFileAtomically(path, JSON.stringify(value), 0o644);
}

/** Removes the context `name`, and the folders of contexts that are empty then. */
export async function removeContextFiles(folder: string, name: string): Promise<void> {
  await rm(dirname(contextFile(folder, name)), { recursive: true, force: true });
  for (const empty of ["contexts/meta", "contexts"]) await rmdir(join(folder, empty)).catch(() => {});
}

/** What config.json says is current: nothing when it says nothing. Throws an Error when it is broken. */
export async function readCurrent(folder: string): Promise<string | undefined> {
  const path = join(folder, "config.json");
  return currentIn(path, readTextAtOnce(path) ?? "");
}

/** True when there is a config.json. */
export async function hasConfig(folder: string): Promise<boolean> {
  return await isThere(join(folder, "config.json"));
}

/**
 * Makes `name` current, or nothing when it is undefined; every other byte of config.json stays. A file that has nothing
 * in it then is removed when `removeEmpty`. Throws an Error when the file is broken or somebody else's.
 */
export async function writeCurrent(folder: string, name: string | undefined, removeEmpty = false): Promise<void> {
  const path = await configPath(folder);
  const before = (await readTextIfThere(path)) ?? "";
  const mode = await ownMode(path);
  currentIn(path, before);
  const text = name === undefined ? withoutMember(before, current) : withMember(before, current, name);
  if (text === before) return;
  if (removeEmpty && /^\s*\{\s*\}\s*$/.test(text)) return await rm(path);
  await writeFileAtomically(path, text, mode);
}

// --- internal ---

/** Where a context lies: its folder is named by the hash of its name. */
function contextFile(folder: string, name: string): string {
  return join(folder, "contexts/meta", new Bun.CryptoHasher("sha256").update(name).digest("hex"), "meta.json");
}

function currentIn(path: string, text: string): string | undefined {
  let value: unknown;
  try {
    value = memberOf(text, current);
  } catch (cause) {
    throw new Error(`${path}: ${messageOf(cause)}`, { cause });
  }
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "string") throw new Error(`${path}: "${current}" is no text`);
  return value;
}

/** config.json behind all links, so that a link stays one. Throws when it leads nowhere. */
async function configPath(folder: string): Promise<string> {
  const path = join(folder, "config.json");
  return (await isThere(path)) ? await realpath(path) : path;
}

/** The permissions to keep; a new file may hold passwords later. Throws when the file is somebody else's. */
async function ownMode(path: string): Promise<number> {
  if (!(await isThere(path))) return 0o600;
  const { uid, mode } = await stat(path);
  if (uid !== ownUid()) throw new Error(`${path} belongs to another user`);
  return mode & 0o777;
}

function isContextFile(value: unknown): value is ContextFile {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
