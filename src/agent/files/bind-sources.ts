/** Bind sources outside of /tmp: made on the host when Docker would, refused when no share covers them. */
import { lstat, mkdir, readlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { messageOf, QnError } from "../../base/errors.ts";
import { shellWord } from "../../base/shell.ts";
import { cleanPath, liesIn, vmWord } from "../../base/words.ts";
import { volumesFolder } from "../../protocol/disks.ts";
import { standingOf } from "../../protocol/guest-folders.ts";
import type { Boot } from "../../protocol/messages.ts";
import { sshAgentPath } from "../../protocol/terms.ts";
import type { BindSource } from "../docker/mounts.ts";

/** What the answer depends on. */
export type SharedWith = Pick<Boot, "vm" | "home" | "shares" | "missing" | "sockets">;

/**
 * Where a source leads to in the guest once links are followed, and whether there is anything; where there is not,
 * `reached` is the last folder on the way that is there.
 */
export type ResolvedSource = { readonly path: string; readonly isThere: boolean; readonly reached?: string };

/**
 * Refuses the sources that Docker would only find an empty folder for, or make one, and makes those on the host that
 * Docker would make there. Gives them back as they are called where links lead. Throws AGENT_FAILED with a sentence
 * that names each, and says how it can be shared; Docker shows it to the user.
 */
export async function settleSources(sources: readonly BindSource[], boot: SharedWith): Promise<readonly BindSource[]> {
  const looks = await Promise.all(
    sources.map(async (source) => ({ source, resolved: await resolveSource(source.path, boot) })),
  );
  const reasons = looks.flatMap(({ source, resolved }) => whyNot(source.path, resolved, boot) ?? []);
  if (reasons.length > 0) throw new QnError("AGENT_FAILED", reasons.join(" "));
  for (const { source, resolved } of looks) {
    const share = boot.shares.find(({ path }) => liesIn(resolved.path, path));
    if (source.createMissing && !resolved.isThere && share !== undefined) await makeFolder(source.path, resolved.path);
  }
  return looks.map(({ source, resolved }) => ({ ...source, path: resolved.path }));
}

/**
 * Why a source cannot be mounted, or nothing when it can: it lies in a share (of /tmp, one of its entries), it is there
 * in a folder that belongs to the guest's system (docs/files.md says why those count), or the settings let Docker make
 * what is missing.
 */
export function whyNot(source: string, resolved: ResolvedSource, boot: SharedWith): string | undefined {
  const { path, isThere, reached } = resolved;
  const named = path === source ? `"${source}"` : `"${source}" leads to "${path}", which`;
  if (liesIn(path, boot.home)) {
    // What is there is the cover of QN_HOME, with Docker's socket and nothing else in it.
    if (isThere) return undefined;
    return `${named} is in qn's own folder on the host, which the guest does not see: it has keys and disks in it.`;
  }
  const whole = boot.shares.find((share) => share.path === path && share.folder !== path);
  if (whole !== undefined && boot.missing !== "create") {
    const what = `what is in it is the host's, one by one (${path}/…)`;
    return `${named} as a whole is the guest's own: ${what}, and ${whole.folder} is all of the host's ${path}.`;
  }
  if (boot.shares.some((share) => liesIn(path, share.path))) return undefined;
  if ((boot.sockets ?? []).some(({ paths }) => paths.includes(source) || paths.includes(path))) return undefined;
  const { shareable, meant } = standingOf(path);
  if (path === "/" || madeWhenMissing.includes(path) || (isThere && meant === "guest")) return undefined;
  if (boot.missing === "create") return undefined;
  // The places of further disks are there while the disks are: what is missing on one is Docker's to make.
  if (reached !== undefined && reached !== volumesFolder && liesIn(reached, volumesFolder)) return undefined;
  if (shareable === "only-below") {
    return `${named} cannot be mounted from the host as a whole, because the guest has one itself: mount a folder in it.`;
  }
  if (path === sshAgentPath) {
    return `${named} is there once the settings have it: \`qn config set 'files.sockets=[ssh-agent]'\` and a restart of the VM let containers reach the ssh agent of the host.`;
  }
  if (shareable === "no") {
    const where = `It lies in a folder that the guest has itself, and so cannot be mounted from the host: keep it in another one.`;
    const socket = liesIn(path, "/run") ? " A socket there answers once files.sockets names it." : "";
    return `${named} is not ${isThere ? "mounted from the host" : "there in the guest of qn"}. ${where}${socket}`;
  }
  const vm = vmWord(boot.vm);
  const how = `\`qn down${vm}\` and \`qn up${vm} --mount ${shellWord(path)}\` mount it until the next start`;
  return `${named} is not mounted from the host. ${how}, "mounts" in ${boot.home}/${boot.vm}/config.yaml does so for good.`;
}

/** Follows links as Docker's mount will; entries of /tmp are looked at elsewhere, because they come on demand. */
export async function resolveSource(source: string, { shares }: Pick<SharedWith, "shares">): Promise<ResolvedSource> {
  const aside = shares.filter((share) => share.folder !== share.path);
  let names = source.split("/").filter((name) => name !== "");
  let path = "/";
  let links = 0;
  for (;;) {
    const [name, ...rest] = names;
    if (name === undefined || aside.some((share) => liesIn(path, share.path))) {
      return { path: join(path, ...names), isThere: true };
    }
    const next = join(path, name);
    names = rest;
    const { isThere, target } = await lookAt(next);
    if (!isThere || links > linksMax) return { path: join(next, ...rest), isThere: false, reached: path };
    if (target === undefined) {
      path = next;
      continue;
    }
    links += 1;
    names = [...cleanPath(join(target.startsWith("/") ? "/" : dirname(next), target)).split("/"), ...rest].filter(
      (word) => word !== "",
    );
    path = "/";
  }
}

// --- internal ---

/** As many links as the kernel follows (path_resolution(7)). */
const linksMax = 40;

/** Docker makes these where they are missing, and nobody keeps anything in them: control groups of version 1. */
const madeWhenMissing = ["/cgroup"];

/** dockerd would give the new folder to root, which the host refuses on a share, and fail. */
async function makeFolder(source: string, path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (cause) {
    throw new QnError("AGENT_FAILED", `"${source}" is not there on the host and cannot be made: ${messageOf(cause)}.`, {
      cause,
    });
  }
}

/** Whether there is something at a path, and where it leads to if it is a link. */
async function lookAt(path: string): Promise<{ readonly isThere: boolean; readonly target?: string }> {
  try {
    return (await lstat(path)).isSymbolicLink() ? { isThere: true, target: await readlink(path) } : { isThere: true };
  } catch {
    return { isThere: false };
  }
}
