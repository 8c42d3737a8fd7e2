/**
 * Docker's usual socket path as a link to a VM's socket, for programs that know no other: made and removed on demand.
 */
import { shellWord } from "../../../base/shell.ts";
import { randomBytes } from "node:crypto";
import { lstat, readlink, rename, rm, symlink } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { messageOf, QnError } from "../../../base/errors.ts";
import { connect } from "../../../system/net/connection.ts";
import { isErrno } from "../../../system/errno.ts";
import type { Layout, VmPaths } from "../../layout.ts";

/** Where Docker's clients look when nobody tells them. */
export const usualSocket = "/var/run/docker.sock";

/** What is at the usual place: nothing, a link (`vm` when it leads to one of qn's), a socket, or something else. */
export type UsualSocket = {
  readonly path: string;
  readonly kind: "nothing" | "link" | "socket" | "other";
  readonly target: string | null;
  readonly vm: string | null;
  /** Whether somebody answers there. */
  readonly isAlive: boolean;
};

/** Looks at the usual place. */
export async function lookAtSocket(layout: Layout, path: string = usualSocket): Promise<UsualSocket> {
  const isAlive = await answers(path);
  const empty = { path, target: null, vm: null, isAlive };
  try {
    const stats = await lstat(path);
    if (stats.isSocket()) return { ...empty, kind: "socket" };
    if (!stats.isSymbolicLink()) return { ...empty, kind: "other" };
    const target = resolve(dirname(path), await readlink(path));
    return { ...empty, kind: "link", target, vm: vmOf(layout, target) };
  } catch (error) {
    if (isErrno(error, "ENOENT")) return { ...empty, kind: "nothing" };
    throw error;
  }
}

/**
 * Makes the usual place a link to the VM's socket; false when it is one already. Throws SOCKET_TAKEN when somebody else
 * answers there or it is no socket, NOT_PERMITTED with the command that would do it when the folder is not the user's.
 */
export async function linkSocket(layout: Layout, paths: VmPaths, path: string = usualSocket): Promise<boolean> {
  const found = await lookAtSocket(layout, path);
  if (found.target === paths.dockerSocket) return false;
  refuseTaken(found);
  const temporary = `${path}.${randomBytes(4).toString("hex")}`;
  await permitted(path, linkCommand(paths, path), async () => {
    await symlink(paths.dockerSocket, temporary);
    // In one step: whoever connects meanwhile finds the old or the new one.
    await rename(temporary, path).catch(async (error: unknown) => {
      await rm(temporary, { force: true });
      throw error;
    });
  });
  return true;
}

/** Removes the link; false when there is nothing. Throws SOCKET_TAKEN when it is not qn's, NOT_PERMITTED. */
export async function unlinkSocket(layout: Layout, path: string = usualSocket): Promise<boolean> {
  const found = await lookAtSocket(layout, path);
  if (found.kind === "nothing") return false;
  if (found.vm === null) throw new QnError("SOCKET_TAKEN", `${describeSocket(found)}; it is not qn's to remove.`);
  await permitted(path, ["sudo", "rm", path], () => rm(path));
  return true;
}

/** The command that an administrator would give to make the link. */
export function linkCommand(paths: VmPaths, path: string = usualSocket): readonly string[] {
  return ["sudo", "ln", "-sfn", paths.dockerSocket, path];
}

/** What is there, as a sentence without its end. */
export function describeSocket({ path, kind, target, vm, isAlive }: UsualSocket): string {
  const answer = isAlive ? "somebody answers" : "nobody answers";
  switch (kind) {
    case "nothing":
      return `${path} is not there`;
    case "link":
      return `${path} leads to ${vm === null ? target : `the VM "${vm}"`}, where ${answer}`;
    case "socket":
      return `${path} is a socket of another program, where ${answer}`;
    case "other":
      return `${path} is neither a socket nor a link`;
  }
}

// --- internal ---

/** Nobody's socket may go while somebody answers there; a link between VMs of qn is the user's own. */
function refuseTaken(found: UsualSocket): void {
  if (found.kind === "nothing" || found.vm !== null) return;
  if (found.kind !== "other" && !found.isAlive) return;
  throw new QnError("SOCKET_TAKEN", `${describeSocket(found)}; it stays as it is.`);
}

async function permitted(path: string, command: readonly string[], action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (cause) {
    if (!isErrno(cause, "EACCES") && !isErrno(cause, "EPERM") && !isErrno(cause, "EROFS")) throw cause;
    throw new QnError("NOT_PERMITTED", `${dirname(path)} is not yours to change: ${messageOf(cause)}.`, {
      cause,
      hint: `Run: ${command.map(shellWord).join(" ")}`,
    });
  }
}

function vmOf(layout: Layout, target: string): string | null {
  const name = /\/([^/]+)\/docker\.sock$/.exec(target)?.[1] ?? "";
  return target === `${layout.home}/${name}/docker.sock` ? name : null;
}

async function answers(path: string): Promise<boolean> {
  try {
    (await connect({ unix: path })).reset();
    return true;
  } catch (error) {
    // One that may not be opened belongs to somebody.
    return isErrno(error, "EACCES") || isErrno(error, "EPERM");
  }
}
