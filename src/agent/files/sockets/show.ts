/** Shows containers the host's sockets where they mount them: the agent's own, mounted over what is there. */
import { closeSync, constants, lstatSync, mkdirSync, openSync, readlinkSync, realpathSync, type Stats } from "node:fs";
import { basename, dirname, join } from "node:path";
import { messageOf, QnError } from "../../../base/errors.ts";
import { liesIn } from "../../../base/words.ts";
import type { Boot } from "../../../protocol/messages.ts";
import { bindMount, O_PATH } from "../../../system/kernel/libc.ts";
import { mountTable } from "../../../system/mount-table.ts";
import type { BindSource } from "../../docker/mounts.ts";
import { resolveSource, type SharedWith } from "../bind-sources.ts";
import { socketSource, throughLinks } from "../shares.ts";

/** What the sockets are shown by. */
export type ShowOptions = {
  readonly boot: SharedWith;
  /** The agent's own socket for each of the boot's. */
  readonly own: readonly string[];
  /** Hears of a socket of the host that a container mounts, and that is none of these. */
  readonly onOther: (path: string) => void;
  readonly onTrouble: (text: string) => void;
};

/** The sockets of one guest, at all their paths. */
export class ShownSockets {
  readonly #options: ShowOptions;
  readonly #all: readonly { readonly path: string; readonly own: string }[];

  constructor(options: ShowOptions) {
    const { boot, own } = options;
    this.#options = options;
    this.#all = (boot.sockets ?? []).flatMap(({ paths }, index) =>
      paths.map((path) => ({ path: throughLinks(path, boot.shares), own: own[index] ?? "" })),
    );
  }

  /** Whether a bind source is one of them. */
  has(path: string): boolean {
    return this.#all.some((each) => each.path === path);
  }

  /** Shows those that lie in no share: what leads to them there is the guest's own. */
  showOutside(): void {
    const { boot, onTrouble } = this.#options;
    for (const { path, own } of this.#all.filter((each) => shareOf(each.path, boot) === undefined)) {
      try {
        mkdirSync(dirname(path), { recursive: true });
        coverOwn(join(realpathSync(dirname(path)), basename(path)), own);
      } catch (error) {
        onTrouble(`the socket ${path} of the host cannot be shown: ${messageOf(error)}`);
      }
    }
  }

  /**
   * Shows those in shares that are what a container mounts or lie in it, as far as the host has them. Throws
   * AGENT_FAILED for a bind source that the host does not have.
   */
  async showWithin(sources: readonly Pick<BindSource, "path">[]): Promise<void> {
    const { boot, onOther } = this.#options;
    const shown = await Promise.all(
      this.#all.map(async (socket) => ({ ...socket, leads: (await resolveSource(socket.path, boot)).path })),
    );
    for (const { path, own, leads } of shown) {
      const within = sources.filter((source) => liesIn(leads, source.path));
      if (within.length === 0 || isShown(leads, own, boot)) continue;
      if (!within.some((source) => source.path === leads)) continue;
      throw new QnError(
        "AGENT_FAILED",
        `"${path}" is no socket on the host now. files.sockets names it: start what listens there first.`,
      );
    }
    for (const { path } of sources) {
      const host = onHost(path, boot);
      const isOne = host === undefined || shown.some(({ leads }) => leads === path);
      if (!isOne && statOf(host)?.isSocket() === true) onOther(path);
    }
  }
}

// --- internal ---

function shareOf(path: string, { shares }: SharedWith): Boot["shares"][number] | undefined {
  return shares.find((share) => liesIn(path, share.path));
}

/** Where the guest sees what the host has at a path of a share: of /tmp that is aside; nothing outside of shares. */
function onHost(path: string, boot: SharedWith): string | undefined {
  const share = shareOf(path, boot);
  return share === undefined ? undefined : `${share.folder}${path.slice(share.path.length)}`;
}

/** Mounts `own` over a path in a share, where the host has a socket; false where it has none. */
function isShown(path: string, own: string, boot: SharedWith): boolean {
  const host = onHost(path, boot);
  if (host === undefined) return true;
  if (isCovered(path)) return true;
  if (statOf(host)?.isSocket() !== true) return false;
  cover(path, own);
  return true;
}

/** The same of a path of the guest's own. What is there and not qn's stays. */
function coverOwn(path: string, own: string): void {
  if (isCovered(path)) return;
  const there = statOf(path);
  const isFree = there === undefined || (there.isFile() && there.size === 0);
  if (!isFree) throw new Error("the guest has something there itself");
  cover(path, own);
}

/**
 * Mounts a socket over what is at a path. A container that may write there can put a link in the way at any moment:
 * then it is mounted nowhere. Of a socket that lies right in /tmp the guest's own /tmp has nothing yet.
 */
function cover(path: string, own: string): void {
  if (statOf(path) === undefined) closeSync(openSync(path, "wx"));
  const fd = openSync(path, O_PATH | constants.O_NOFOLLOW);
  try {
    const held = `/proc/self/fd/${fd}`;
    if (readlinkSync(held) !== path) throw new Error(`${path} leads to ${readlinkSync(held)}`);
    bindMount(own, held);
  } finally {
    closeSync(fd);
  }
}

function isCovered(path: string): boolean {
  return mountTable().some(({ target, source }) => target === path && source === socketSource);
}

function statOf(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch {
    return undefined;
  }
}
