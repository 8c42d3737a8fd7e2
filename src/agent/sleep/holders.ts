/** Who in the guest uses the host's folders, so that they cannot be let go of. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { liesIn } from "../../base/words.ts";
import type { Container } from "../../system/docker-views.ts";

/**
 * The containers, in their order, that see something of what is mounted at `targets`: what they mount lies in it, or it
 * lies in what they mount. Docker's list names no folder of a volume: `volumeFolders` tells which ones the volumes of a
 * container are made of. Throws what that throws.
 */
export async function holding(
  containers: readonly Container[],
  targets: readonly string[],
  volumeFolders: (id: string) => Promise<readonly string[]>,
): Promise<readonly Container[]> {
  const held: Container[] = [];
  for (const container of containers) {
    const { Id, Mounts } = container;
    const named = Mounts.map(({ Source }) => Source).filter((source) => source !== "");
    const ofVolumes = Mounts.some(({ Type }) => Type === "volume") ? await volumeFolders(Id) : [];
    const sees = (path: string): boolean => targets.some((target) => liesIn(path, target) || liesIn(target, path));
    if ([...named, ...ofVolumes].some(sees)) held.push(container);
  }
  return held;
}

/**
 * The programs that have their folder or a file in `folder`, as "bash (1234)", a few of them. Processes come and go
 * while they are looked at: one that has gone uses nothing.
 */
export function programsIn(folder: string): readonly string[] {
  const found: string[] = [];
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    if (found.length === programsMax) break;
    if (usedBy(pid).some((path) => liesIn(path, folder))) found.push(`${nameOf(pid)} (${pid})`);
  }
  return found;
}

// --- internal ---

/** A person needs no more to know what to end. */
const programsMax = 5;

function usedBy(pid: string): readonly string[] {
  const links = ["cwd", "root", "exe", ...namesIn(`/proc/${pid}/fd`).map((fd) => `fd/${fd}`)];
  return links.flatMap((link) => {
    try {
      return [readlinkSync(`/proc/${pid}/${link}`)];
    } catch {
      return [];
    }
  });
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function nameOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8").trim();
  } catch {
    return "a program";
  }
}
