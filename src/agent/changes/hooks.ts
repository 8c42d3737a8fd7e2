/** What happens for "changes are seen" while Docker waits: the guest is brought up to date before anybody reads. */
import { within } from "../../system/clock.ts";
import type { ContainerDetails } from "../../system/docker-views.ts";
import type { DockerCall } from "../docker/call.ts";
import type { Containers } from "../docker/containers.ts";
import type { CallHooks } from "../docker/hooks.ts";
import { bindSourcesOf } from "../docker/mounts.ts";
import type { ChangeReceiver } from "./receive.ts";

/** How long what reads may be held up by what the host has changed just before. */
const catchUpMs = 5_000;

/**
 * How long a container may be held up by what it mounts: it runs well without, only a watch that it begins would not
 * hear.
 */
const holdMs = 1_000;

/**
 * Before a container starts, it finds the host's files as they are when it was asked for; one that begins to watch
 * hears of changes.
 */
export function changeHooks(
  changes: Pick<ChangeReceiver, "catchUp" | "onStart" | "onStarted">,
  containers: Pick<Containers, "startedBy">,
): CallHooks {
  return {
    async beforeRequest(call) {
      const sources = call.kind === "start" ? await bindsOf(() => containers.startedBy(call)) : [];
      if (call.kind === "start" && sources.length > 0) await changes.onStart(call.id, sources, holdMs);
      else if (readers.has(call.kind)) await changes.catchUp(catchUpMs);
    },
    async beforeAnswer(call) {
      if (call.kind === "start") changes.onStarted(call.id);
    },
  };
}

/** A container has started, whoever did that: files that it mounts by themselves stay there what they are. */
export async function keepStarted(
  id: string,
  changes: Pick<ChangeReceiver, "keepFiles">,
  containers: Pick<Containers, "started">,
): Promise<void> {
  await changes.keepFiles(await bindsOf(() => containers.started(id)));
}

// --- internal ---

/**
 * The calls after which somebody reads what a container mounts: a program that starts in it, or `docker cp`. Making
 * an exec only prepares what its start does.
 */
const readers: ReadonlySet<DockerCall["kind"]> = new Set(["start", "unpause", "archive", "exec-start"]);

/** What a container binds; nothing of one that is not there, or whose Docker does not answer. */
async function bindsOf(find: () => Promise<ContainerDetails>): Promise<string[]> {
  try {
    const found = await within(find(), holdMs, () => new Error("Docker does not answer."));
    return bindSourcesOf(found.HostConfig).map(({ path }) => path);
  } catch {
    return [];
  }
}
