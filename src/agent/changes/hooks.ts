/** What happens for "changes are seen" while Docker waits: the guest is brought up to date before anybody reads. */
import { within } from "../../system/clock.ts";
import type { ContainerDetails } from "../../system/docker-api.ts";
import type { DockerRequest, Hooks } from "../docker/plugin.ts";
import { bindSourcesOf } from "../docker/mounts.ts";
import type { ChangeReceiver } from "./receive.ts";
import { readsMounts, startedBy } from "./request.ts";

/** How long what reads may be held up by what the host has changed just before. */
const catchUpMs = 5_000;

/** How long a container may be held up by what it mounts: it runs well without, only a watch that it begins would not hear. */
const holdMs = 1_000;

/**
 * The same hooks, and before them: what starts in a container finds the host's files as they are when it was asked for,
 * and a container that starts to watch hears of changes.
 */
export function seeingChanges(
  hooks: Hooks,
  changes: Pick<ChangeReceiver, "catchUp" | "onStart" | "onStarted">,
  details: (id: string) => Promise<ContainerDetails>,
): Hooks {
  return {
    ...hooks,
    async beforeRequest(request) {
      const id = startedBy(request);
      const sources = id === undefined ? [] : await sourcesOf(id, details);
      if (id !== undefined && sources.length > 0) await changes.onStart(id, sources, holdMs);
      else if (readsMounts(request)) await changes.catchUp(catchUpMs);
      await hooks.beforeRequest(request);
    },
    async beforeAnswer(request: DockerRequest) {
      const id = startedBy(request);
      if (id !== undefined) changes.onStarted(id);
      await hooks.beforeAnswer?.(request);
    },
  };
}

// --- internal ---

/** What a container binds; nothing of one that is not there, or whose Docker does not answer. */
async function sourcesOf(id: string, details: (id: string) => Promise<ContainerDetails>): Promise<string[]> {
  try {
    const { HostConfig } = await within(details(id), holdMs, () => new Error("Docker does not answer."));
    return bindSourcesOf(HostConfig).map(({ path }) => path);
  } catch {
    return [];
  }
}
