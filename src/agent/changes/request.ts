/** Which Docker API requests let somebody read what a container mounts. */
import { dockerPath } from "../docker/docker-path.ts";
import type { DockerRequest } from "../docker/plugin.ts";

/** Whether what a container mounts is about to be read: by what is started in it, or by `docker cp`. */
export function readsMounts({ uri }: Pick<DockerRequest, "uri">): boolean {
  const [kind = "", , verb = "", ...more] = dockerPath(uri) ?? [];
  return more.length === 0 && readers.get(kind)?.includes(verb) === true;
}

/** The container that a request starts; nothing for all other requests. */
export function startedBy({ method, uri }: Pick<DockerRequest, "method" | "uri">): string | undefined {
  const [kind, id, verb = "", ...more] = dockerPath(uri) ?? [];
  const isStart = method === "POST" && kind === "containers" && ["start", "restart"].includes(verb);
  return isStart && more.length === 0 ? id : undefined;
}

// --- internal ---

/** The verbs by the kind of thing they are done to; `exec` of a container only prepares what `start` of the exec does. */
const readers: ReadonlyMap<string, readonly string[]> = new Map([
  ["containers", ["start", "restart", "unpause", "archive"]],
  ["exec", ["start"]],
]);
