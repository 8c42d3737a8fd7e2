/** What a VM's shares are used for: each folder or file that a container mounts, and the share that it lies in. */
import { innermostOf } from "../../base/words.ts";
import type { ListedContainer } from "../../system/docker-views.ts";
import type { Status } from "../supervisor/messages.ts";

/** A share with everything that decides how it behaves. */
export type ShareView = {
  readonly path: string;
  readonly readOnly: boolean;
  readonly driver: string;
  readonly security: string;
  readonly cache: string;
};

/** A mount of a container. `share` is the path of the share that it lies in; null for what only the guest has. */
export type MountView = {
  readonly source: string;
  readonly share: string | null;
  readonly container: string;
  readonly state: string;
  readonly destination: string;
  readonly readOnly: boolean;
};

/** How a share behaves that says nothing of itself (decisions D48 and D50). */
const usual = { driver: "9p", security: "none" } as const;
const usualCache: Readonly<Record<string, string>> = { "9p": "none", virtiofs: "mmap", auto: "auto" };

/**
 * The shares of a VM: those of its settings, and what it sees of /tmp. Entries of all of /tmp are mounted one by one
 * when a container asks.
 */
export function shareViews(mounts: Status["mounts"]): ShareView[] {
  return mounts.map(({ driver = usual.driver, ...share }) => ({
    path: share.path,
    readOnly: share.readOnly,
    driver,
    security: share.security ?? usual.security,
    cache: share.cache ?? usualCache[driver] ?? "none",
  }));
}

/** The mounts of every container, by source and then by container. */
export function mountViews(containers: readonly ListedContainer[], shares: readonly ShareView[]): MountView[] {
  return containers
    .flatMap(({ name, state, binds }) =>
      binds.map(({ source, destination, readOnly }) => ({
        source,
        share: innermostOf(source, shares)?.path ?? null,
        container: name,
        state,
        destination,
        readOnly: readOnly || innermostOf(source, shares)?.readOnly === true,
      })),
    )
    .toSorted((a, b) => compare(a.source, b.source) || compare(a.container, b.container));
}

// --- internal ---

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
