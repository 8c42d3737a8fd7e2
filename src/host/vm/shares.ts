/** Which host folders a VM sees, and under which tag: the same list for QEMU and for the guest. */
import { QnError } from "../../base/errors.ts";
import { liesIn } from "../../base/words.ts";
import { standingOf } from "../../protocol/guest-folders.ts";
import type { Boot } from "../../protocol/messages.ts";
import type { Share, VmConfig } from "../config/schema.ts";
import { flakeAside } from "../config/flake.ts";
import type { HostFacts } from "../qemu/facts.ts";
import { hostPlatforms } from "../qemu/platforms.ts";

/** A share as the guest is told of it, and how QEMU serves it. */
export type GuestShare = Boot["shares"][number] & Pick<Share, "security">;

/** A folder that was asked for, and what the host has there: its path without links, or why it cannot be shared. */
export type LookedAt = { readonly share: Share } & (
  | { readonly real: string }
  | { readonly real: undefined; readonly why: string }
);

/**
 * What the host has: where /tmp really is, and where QN_HOME is; and the flake's folder where the guest has to see one.
 */
export type HostFolders = {
  readonly tmp: string;
  readonly home: string;
  readonly flake?: LookedAt | undefined;
  /** What of /tmp is shared: all of it unless this says none, or has the one folder in it. */
  readonly ofTmp?: LookedAt | "none" | undefined;
};

/** Who serves shares. */
type Driver = NonNullable<GuestShare["driver"]>;

/**
 * Who serves shares here, by the setting and by whether virtiofs can be had. Throws CONFIG_INVALID where it is asked
 * for by name and cannot; `auto` is then 9p, and also where nobody has seen virtiofs.
 */
export function driverOf(setting: VmConfig["files"]["driver"], facts: Pick<HostFacts, "os" | "virtiofs">): Driver {
  const { virtiofs, os } = facts;
  if (setting === "9p" || (setting === "auto" && !(virtiofs.usable && hostPlatforms[os].virtiofs.isSeen))) return "9p";
  if (virtiofs.usable) return "virtiofs";
  throw new QnError("CONFIG_INVALID", `files.driver is "${setting}", which cannot be had here. ${virtiofs.reason}`, {
    hint: "Use `files.driver: auto` or `9p`.",
  });
}

/**
 * The shares of a VM: those of its settings at their own paths, and /tmp aside, because a 9p file system cannot hold
 * the sockets that the guest itself makes there (decision D54). A share that is named by a link is mounted at the path
 * that the link leads to, and the link is made in the guest too. Tags follow the order, as QEMU's devices do; a folder
 * comes before what lies in it, because it is mounted first. What maps owners is served by 9p whatever the driver, for
 * its attributes are QEMU's. By 9p /tmp is there twice: what a container holds keeps its kind in the guest, also when
 * the host has made a folder of the file. By virtiofs it is there once, and nothing is believed of it: it may be
 * mounted a moment after it was made. Where /tmp is not shared as a whole, folders in it are shares as any other. A
 * flake that is in no share has one of its own, read-only and aside.
 */
export function sharesOf(looks: readonly LookedAt[], host: HostFolders, driver: Driver = "9p"): GuestShare[] {
  const { tmp, flake, ofTmp } = host;
  const byPath = new Map<string, Omit<GuestShare, "tag">>();
  const served = driver === "virtiofs" ? { driver } : {};
  for (const look of [...looks, ...(typeof ofTmp === "object" ? [ofTmp] : [])]) {
    if (look.real === undefined || (ofTmp === undefined && inTmp(look, tmp))) continue;
    const { path: named, ...share } = look.share;
    const links = [...(byPath.get(look.real)?.links ?? []), ...(named === look.real ? [] : [named])];
    byPath.set(look.real, {
      ...share,
      path: look.real,
      folder: look.real,
      ...(links.length > 0 ? { links } : {}),
      ...(share.security === "mapped-xattr" ? {} : served),
    });
  }
  const tmpLinks = tmp === "/tmp" ? {} : { links: [tmp] };
  const tmpShare = { path: "/tmp", readOnly: false, folder: "/run/qn/tmp", ...tmpLinks };
  const inOrder = [...byPath.values()].toSorted((a, b) => depth(a.path) - depth(b.path));
  const real = flake?.real;
  const isSeen = real === undefined || inOrder.some(({ path }) => liesIn(real, path));
  const aside = isSeen ? [] : [{ path: real, readOnly: true, folder: flakeAside, ...served }];
  const before = [...inOrder, ...aside];
  const again = { tag: `qn${before.length + 1}`, folder: "/run/qn/tmp-again" };
  const asServed = driver === "virtiofs" ? { driver, cache: "none" as const } : { again };
  const all = ofTmp === undefined ? [...before, { ...tmpShare, ...asServed }] : before;
  return all.map((share, index) => ({ tag: `qn${index}`, ...share }));
}

/** The shares as the guest is told of them: it knows what is aside by no other path than its own. */
export function toldShares(shares: readonly GuestShare[]): GuestShare[] {
  return shares.map((share) => (share.folder === flakeAside ? { ...share, path: flakeAside } : share));
}

/**
 * Whether sockets that containers make in the share answer programs of this machine, by the setting `files.listen`.
 * /tmp as a whole is mounted though nobody has named it, and is where programs look for sockets of others.
 */
export function answersIn({ readOnly, path, folder }: GuestShare, setting: VmConfig["files"]["listen"]): boolean {
  return !readOnly && (setting === "all" || (setting === "mounts" && folder === path));
}

/** Why these folders cannot all be shared, one sentence for each mistake. */
export function shareMistakes(looks: readonly LookedAt[], host: HostFolders): readonly string[] {
  const { ofTmp } = host;
  return [
    ...looks.flatMap((look, index) => mistakesOf(look, looks.slice(0, index), host)),
    ...(typeof ofTmp === "object" ? tmpMistakes(ofTmp, looks, host) : []),
    ...flakeMistakes(host),
  ];
}

// --- internal ---

/** The folder in /tmp must not lead out of it: it would be another one than was said. */
function tmpMistakes(look: LookedAt, looks: readonly LookedAt[], host: HostFolders): readonly string[] {
  if (look.real === undefined) return [`files.tmp: ${look.why}`];
  if (!inTmp(look, host.tmp) || isTmp(look, host.tmp))
    return [`files.tmp: ${look.share.path} leads to ${look.real}, which is not in /tmp`];
  return mistakesOf(look, looks, host).map((mistake) => mistake.replace("mounts: ", "files.tmp: "));
}

function flakeMistakes({ flake, home }: HostFolders): readonly string[] {
  if (flake === undefined) return [];
  if (flake.real === undefined) return [`flake: ${flake.why}`];
  return liesIn(flake.real, home) ? [`flake: ${flake.real} is in QN_HOME (${home}), which is never mounted`] : [];
}

function mistakesOf(look: LookedAt, before: readonly LookedAt[], host: HostFolders): readonly string[] {
  const { path } = look.share;
  if (look.real === undefined) return [`mounts: ${look.why}`];
  const named = look.real === path ? path : `${path}, which leads to ${look.real},`;
  const refused = [path, look.real].map(standingOf).find((standing) => standing.shareable !== "yes");
  if (refused !== undefined) return [`mounts: ${named} cannot be mounted, because ${refused.own} is the guest's own`];
  if (liesIn(look.real, host.home)) return [`mounts: ${named} is in QN_HOME (${host.home}), which is never mounted`];
  if (host.ofTmp !== undefined && isTmp(look, host.tmp)) {
    return [
      `mounts: ${named} cannot be mounted as a whole, because the guest has one itself; files.tmp: all shows what is in it`,
    ];
  }
  if (host.ofTmp === undefined && inTmp(look, host.tmp) && isSpecial(look.share)) {
    return [`mounts: ${named} is in /tmp, which is always mounted as a whole, to read and write`];
  }
  const other = before.find(({ real }) => real === look.real);
  if (other === undefined || sameSettings(other.share, look.share)) return [];
  return [`mounts: ${named} is the same folder as ${other.share.path}, with other settings`];
}

function inTmp(look: LookedAt, tmp: string): boolean {
  return look.real !== undefined && (liesIn(look.real, tmp) || liesIn(look.real, "/tmp"));
}

function isTmp({ real }: LookedAt, tmp: string): boolean {
  return real === tmp || real === "/tmp";
}

function isSpecial({ readOnly, security, cache }: Share): boolean {
  return readOnly || security !== undefined || cache !== undefined;
}

function sameSettings(a: Share, b: Share): boolean {
  return a.readOnly === b.readOnly && a.security === b.security && a.cache === b.cache;
}

function depth(path: string): number {
  return path.split("/").length;
}
