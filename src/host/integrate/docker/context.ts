/**
 * The Docker context of a VM: made when its Docker answers, current if none was chosen by hand, given back at the end.
 */
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import * as v from "valibot";
import { messageOf } from "../../../base/errors.ts";
import { isThere } from "../../../system/files.ts";
import type { VmPaths } from "../../layout.ts";
import type { Environment } from "../../vm/settings.ts";
import * as store from "./store.ts";

/** What a VM does about its context: make it, and make it current if none was chosen by hand; only make it; nothing. */
export type ContextMode = "auto" | "make" | "none";

/** The parts of a context's file that qn reads. `qn` is its own note: a context without one is not qn's. */
const contextSchema = v.object({
  Metadata: v.optional(
    v.looseObject({
      qn: v.optional(
        v.looseObject({
          /** What was current before qn made this context so; it is not here while qn has not. */
          before: v.optional(v.object({ current: v.nullable(v.string()), hadConfig: v.boolean() })),
        }),
      ),
    }),
  ),
  Endpoints: v.optional(v.looseObject({ docker: v.optional(v.looseObject({ Host: v.optional(v.string()) })) })),
});

type Before = { readonly current: string | null; readonly hadConfig: boolean };

/** A context as qn sees it. */
type Context = { readonly file: store.ContextFile; readonly host: string; readonly isQns: boolean; before?: Before };

/** The name of a VM's context. */
function contextName(vm: string): string {
  return vm === "default" ? "qn" : `qn-${vm}`;
}

/**
 * Makes or updates the VM's context, and makes it current when nothing else was chosen: no other context, no
 * DOCKER_HOST, no DOCKER_CONTEXT. A context of qn whose VM has died without giving back counts as nothing chosen. What
 * cannot be done is told to `warn`; a VM works without.
 */
export async function offerContext(
  paths: VmPaths,
  env: Environment,
  mode: ContextMode,
  warn: (text: string) => void,
): Promise<void> {
  if (mode === "none") return;
  const name = contextName(paths.name);
  const folder = store.dockerFolder(env);
  await attempt(`The Docker context "${name}" cannot be made current`, warn, async () => {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await store.withDockerFiles(folder, async () => {
      const there = await look(folder, name);
      if (there !== undefined && there.host !== hostOf(paths) && (!there.isQns || (await livesAt(there.host)))) {
        return warn(`The Docker context "${name}" leads to ${there.host}; it stays as it is.`);
      }
      await write(folder, name, there?.file, hostOf(paths), there?.before);
      if (mode === "auto" && isUnset(env["DOCKER_HOST"]) && isUnset(env["DOCKER_CONTEXT"])) await use(folder, paths);
    });
  });
}

/** Gives back what was current before, when the VM's context still is. Fine when there is nothing to give back. */
export async function withdrawContext(paths: VmPaths, env: Environment, warn: (text: string) => void): Promise<void> {
  await withOwnContext(paths, env, warn, (folder, name, context) => giveBack(folder, name, context));
}

/** Removes the VM's context. What was current before is so again, also when the context was chosen by hand. */
export async function removeContext(paths: VmPaths, env: Environment, warn: (text: string) => void): Promise<void> {
  await withOwnContext(paths, env, warn, async (folder, name, context) => {
    await giveBack(folder, name, context);
    if ((await store.readCurrent(folder)) === name) await store.writeCurrent(folder, undefined);
    await store.removeContextFiles(folder, name);
  });
}

/** The VM's context and whether it is current, or nothing when it has none. A broken file counts as none. */
export async function contextOf(
  paths: VmPaths,
  env: Environment,
): Promise<{ readonly name: string; readonly isCurrent: boolean } | undefined> {
  const folder = store.dockerFolder(env);
  const name = contextName(paths.name);
  try {
    const context = await look(folder, name);
    if (context?.host !== hostOf(paths)) return undefined;
    return { name, isCurrent: (await store.readCurrent(folder)) === name };
  } catch {
    return undefined;
  }
}

// --- internal ---

/** Makes the VM's context current unless a person, or another VM that lives, has chosen one. */
async function use(folder: string, paths: VmPaths): Promise<void> {
  const name = contextName(paths.name);
  const now = await store.readCurrent(folder);
  if (now === name) return;
  const other = isDefault(now) ? undefined : await look(folder, now ?? "");
  const isForgotten = other?.isQns === true && other.before !== undefined && !(await livesAt(other.host));
  if (!isDefault(now) && !isForgotten) return;
  const before = other?.before ?? { current: now ?? null, hadConfig: await store.hasConfig(folder) };
  // First what to give back, then the change: whoever dies in between has changed nothing.
  await write(folder, name, await store.readContext(folder, name), hostOf(paths), before);
  await store.writeCurrent(folder, name);
  if (other !== undefined) await write(folder, now ?? "", other.file, other.host, undefined);
}

async function giveBack(folder: string, name: string, { file, host, before }: Context): Promise<void> {
  if (before === undefined) return;
  if ((await store.readCurrent(folder)) === name) {
    await store.writeCurrent(folder, before.current ?? undefined, !before.hadConfig);
  }
  await write(folder, name, file, host, undefined);
}

async function withOwnContext(
  paths: VmPaths,
  env: Environment,
  warn: (text: string) => void,
  action: (folder: string, name: string, context: Context) => Promise<void>,
): Promise<void> {
  const name = contextName(paths.name);
  const folder = store.dockerFolder(env);
  await attempt(`The Docker context "${name}" cannot be given back`, warn, async () => {
    if (!(await isThere(join(folder, "contexts")))) return;
    await store.withDockerFiles(folder, async () => {
      const context = await look(folder, name);
      if (context?.host === hostOf(paths) && context.isQns) await action(folder, name, context);
    });
  });
}

async function look(folder: string, name: string): Promise<Context | undefined> {
  const file = await store.readContext(folder, name);
  if (file === undefined) return undefined;
  const { Metadata, Endpoints } = v.parse(contextSchema, file);
  const before = Metadata?.qn?.before;
  return {
    file,
    host: Endpoints?.docker?.Host ?? "",
    isQns: Metadata?.qn !== undefined,
    ...(before === undefined ? {} : { before }),
  };
}

/** Writes the context when it is not as it should be; what others have put into it stays. */
async function write(
  folder: string,
  name: string,
  file: store.ContextFile | undefined,
  host: string,
  before: Before | undefined,
): Promise<void> {
  const metadata = recordIn(file, "Metadata");
  const endpoints = recordIn(file, "Endpoints");
  const wanted = {
    ...file,
    Name: name,
    Metadata: { Description: "A VM of qn", ...metadata, qn: before === undefined ? {} : { before } },
    Endpoints: { ...endpoints, docker: { SkipTLSVerify: false, ...recordIn(endpoints, "docker"), Host: host } },
  };
  if (!Bun.deepEquals(file, wanted)) await store.writeContext(folder, name, wanted);
}

function recordIn(value: object | undefined, key: string): object {
  const found: unknown = Object.entries(value ?? {}).find(([name]) => name === key)?.[1];
  return typeof found === "object" && found !== null ? found : {};
}

async function attempt(what: string, warn: (text: string) => void, action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    warn(`${what}: ${messageOf(error)}.`);
  }
}

function hostOf(paths: VmPaths): string {
  return `unix://${paths.dockerSocket}`;
}

/** True while the VM behind that socket has a supervisor: its lock lies beside the socket. */
async function livesAt(host: string): Promise<boolean> {
  if (!host.startsWith("unix:///")) return true;
  try {
    const { isLocked } = await import("../../../system/kernel/lock.ts");
    return isLocked(join(dirname(host.slice("unix://".length)), "lock"));
  } catch {
    // Its folder is gone.
    return false;
  }
}

function isUnset(variable: string | undefined): boolean {
  return variable === undefined || variable === "";
}

/** The docker command's word for "no context at all". */
function isDefault(name: string | undefined): boolean {
  return isUnset(name) || name === "default";
}
