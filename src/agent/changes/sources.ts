/** Which paths of the host running containers mount. */
import { mountSourcesMax } from "../../protocol/messages.ts";
import type { Container } from "../../system/docker-views.ts";

/**
 * The bind sources of running containers, each once and in order; those beyond what one report may have are left out.
 */
export function mountSourcesOf(containers: readonly Container[]): string[] {
  const binds = containers.flatMap(({ Mounts }) => Mounts.filter(({ Type }) => Type === "bind"));
  return someSources(binds.map(({ Source }) => Source));
}

/** The same of plain paths. */
export function someSources(paths: readonly string[]): string[] {
  return [...new Set(paths)].toSorted().slice(0, mountSourcesMax);
}
