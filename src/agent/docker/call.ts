/** Which call of Docker's API a request is: told apart here, once for all who have to do with it. */
import * as v from "valibot";
import { lazily } from "../../base/lazily.ts";
import { type MountRequests, mountRequestsSchema } from "../../system/docker-views.ts";
import type { DockerRequest } from "./plugin.ts";

/**
 * A call that does something to what is there. The id is a whole one or its begin, a name, or an alias such as
 * "shop/db".
 */
export type CallOn<Kind extends Deed> = { readonly kind: Kind; readonly id: string };

/**
 * One call, as far as the agent goes by it; `swarm` changes a swarm or its services. What a new container, volume or
 * service mounts is parsed when somebody asks for it.
 */
export type DockerCall =
  | { readonly kind: "create" | "volume" | "swarm"; readonly mounts: () => MountRequests }
  | { [Kind in Deed]: CallOn<Kind> }[Deed]
  | { readonly kind: "prune" | "other" };

/**
 * Recognises a request as dockerd routes it (moby, api/server/server.go; gorilla/mux): by the decoded path, so that
 * `/containers%2fcreate` is a create and a name may have slashes in it; with a version of the API before it or
 * without; by the method as it is written. What dockerd has no route for never comes here, nor a path with dots or
 * doubled slashes, whose client is sent to the clean one.
 */
export function callOf(request: DockerRequest): DockerCall {
  const path = pathOf(request.uri);
  if (request.method === "POST" && path === "/containers/create") {
    return { kind: "create", mounts: lazily(() => mountsIn(request.body)) };
  }
  if (request.method === "POST" && path === "/containers/prune") return { kind: "prune" };
  if (request.method === "POST" && path === "/volumes/create") {
    return { kind: "volume", mounts: lazily(() => volumeIn(request.body)) };
  }
  if (request.method !== "GET" && /^\/(services|swarm)\//.test(path)) {
    return { kind: "swarm", mounts: lazily(() => serviceIn(request.body)) };
  }
  const route = routes.find(([methods, before, after]: Route) => {
    const hasId = path.length > before.length + after.length;
    return hasId && path.startsWith(before) && path.endsWith(after) && methods.includes(request.method);
  });
  if (route === undefined) return { kind: "other" };
  const [, before, after, kind] = route;
  return { kind, id: path.slice(before.length, path.length - after.length) };
}

// --- internal ---

/** What is done to a container, an exec or a network. `start` is a restart too, `archive` is `docker cp` either way. */
type Deed = (typeof routes)[number][3];

const [post, archive] = [["POST"], ["HEAD", "GET", "PUT"]] as const;

/** dockerd's routes: the methods, the path before and behind the id, and what it is. */
const routes = [
  [post, "/containers/", "/start", "start"],
  [post, "/containers/", "/restart", "start"],
  [post, "/containers/", "/stop", "stop"],
  [post, "/containers/", "/kill", "kill"],
  // Its answer leaves when a container has ended: `docker run` ends with it.
  [post, "/containers/", "/wait", "wait"],
  [post, "/containers/", "/pause", "pause"],
  [post, "/containers/", "/unpause", "unpause"],
  [post, "/containers/", "/rename", "rename"],
  [post, "/containers/", "/update", "update"],
  [archive, "/containers/", "/archive", "archive"],
  [["DELETE"], "/containers/", "", "remove"],
  [post, "/exec/", "/start", "exec-start"],
  [post, "/networks/", "/connect", "connect"],
  [post, "/networks/", "/disconnect", "disconnect"],
] as const satisfies readonly Route[];

type Route = readonly [methods: readonly string[], before: string, after: string, kind: string];

/**
 * The path that dockerd routes by: Go's server takes a whole URL too, whatever its scheme and host (net/url,
 * ParseRequestURI). Nothing that is a path when a part is no valid encoding, which is Docker's to refuse.
 */
function pathOf(uri: string): string {
  const path = (uri.split("?")[0] ?? "").replace(/^[a-z][a-z\d+.-]*:(\/\/[^/]*)?/i, "");
  try {
    return decodeURIComponent(path).replace(/^\/v[\d.]+(?=\/)/, "");
  } catch {
    return "";
  }
}

const volumeBodySchema = v.object({
  Driver: v.nullish(v.string(), ""),
  DriverOpts: v.nullish(v.record(v.string(), v.string()), {}),
});

/** A volume, as a container would write that makes one. */
function volumeIn(body: unknown): MountRequests {
  const parsed = v.safeParse(volumeBodySchema, asDockerReads(body));
  if (!parsed.success) return {};
  const { Driver, DriverOpts } = parsed.output;
  return { Mounts: [{ Type: "volume", VolumeOptions: { DriverConfig: { Name: Driver, Options: DriverOpts } } }] };
}

const serviceBodySchema = v.object({
  TaskTemplate: v.object({ ContainerSpec: v.object({ Mounts: mountRequestsSchema.entries.Mounts }) }),
});

/** What the tasks of a service mount, in the words of containers (Docker Engine API, TaskSpec). */
function serviceIn(body: unknown): MountRequests {
  const parsed = v.safeParse(serviceBodySchema, asDockerReads(body));
  return parsed.success ? parsed.output.TaskTemplate.ContainerSpec : {};
}

const createBodySchema = v.object({ HostConfig: v.nullish(mountRequestsSchema) });

/** A body that is not what Docker knows is Docker's to refuse, in its own words. */
function mountsIn(body: unknown): MountRequests {
  const parsed = v.safeParse(createBodySchema, asDockerReads(body));
  return parsed.success ? (parsed.output.HostConfig ?? {}) : {};
}

/** Fields above, and those whose values are mappings of a client's own words. */
const fields =
  "HostConfig Binds VolumesFrom Mounts Type Source BindOptions CreateMountpoint VolumeOptions DriverConfig Name Driver " +
  "TaskTemplate ContainerSpec";
const mappings = ["Options", "DriverOpts"];
const writtenAs = lazily(() => new Map([...fields.split(" "), ...mappings].map((name) => [name.toLowerCase(), name])));

/** The same with the names of fields as they are written: Go takes `hostconfig` too (encoding/json, Unmarshal). */
function asDockerReads(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(asDockerReads);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, inner]: [string, unknown]) => {
    const name = writtenAs().get(key.toLowerCase()) ?? key;
    return [name, mappings.includes(name) ? inner : asDockerReads(inner)] as const;
  });
  return Object.fromEntries(entries);
}
