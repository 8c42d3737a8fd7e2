/** `qn agent tmp`: the host's files in the guest, right before Docker touches them. */
import * as v from "valibot";
import { messageOf } from "../../base/errors.ts";
import { newQueue } from "../../base/queue.ts";
import { liesIn } from "../../base/words.ts";
import type { Boot } from "../../protocol/messages.ts";
import { type DockerApi, dockerApi } from "../../system/docker-api.ts";
import { inheritedSocket } from "../../system/kernel/inherited.ts";
import { extendDaemon } from "../setup/daemon.ts";
import { guardFullDisks } from "./full-disk.ts";
import { announceFlake } from "../setup/flake.ts";
import { provideLogin } from "../setup/login.ts";
import { offerProvision } from "../setup/provision/run.ts";
import { mountShares, viewsOf } from "./shares.ts";
import { dockerPath } from "../docker/docker-path.ts";
import { type Mirror, mirrorSources, sweepDeleted } from "./tmp/mirror.ts";
import { type DockerRequest, type Hooks, servePlugin } from "../docker/plugin.ts";
import { type BindSource, bindSourcesOf, mountCallOf, mountRequestEntries } from "../docker/mounts.ts";
import { sourcesOfRecord, sourcesOfRestarting } from "../docker/records.ts";
import { settleSources } from "./bind-sources.ts";

/** dockerd finds plugins by the name of their socket here. */
const pluginSocket = "/run/docker/plugins/qn-tmp.sock";

/** Sets up login and shares, then serves until `signal` fires; `onReady` is called once Docker may start. */
export async function serveTmp(boot: Boot, options: { signal: AbortSignal; onReady: () => void }): Promise<void> {
  await provideLogin(boot);
  await mountShares(boot);
  guardFullDisks(boot.shares, options.signal, logTrouble);
  await extendDaemon(boot.daemon);
  await offerProvision(boot);
  await announceFlake(boot.flake);
  const mirrors = boot.shares
    .filter((share) => share.folder !== share.path)
    .map((share) => ({ asides: viewsOf(share).map(({ folder }) => folder), folder: share.path }));
  const docker = dockerApi("/run/docker.sock");
  // dockerd has not started yet, and starts these containers without a request.
  await prepareRestarting(mirrors);
  // Two requests for the same path must not both make its mount point.
  const inTurn = newQueue();
  const sweepSoon = sweeper(mirrors, inTurn);
  const hooks: Hooks = {
    async beforeRequest(request) {
      const mountAll = await prepare(request, mirrors, boot, docker);
      if (mountAll !== undefined) await inTurn(mountAll);
    },
    async beforeAnswer(request) {
      // Nobody waits for it: what is gone on the host is taken away whenever containers have come or gone.
      if (changesContainers(request)) sweepSoon();
    },
    // What it would mount is not known, and an empty folder in its place would be worse than an error.
    refuseLost: "The agent in the guest was started anew meanwhile. Please try again.",
  };
  const plugin = await servePlugin(pluginSocket, hooks, { inherited: inheritedSocket("qn-tmp.socket") });
  options.onReady();
  const { promise: stopped, resolve } = Promise.withResolvers<void>();
  options.signal.addEventListener("abort", () => resolve(), { once: true });
  await stopped;
  await plugin.close();
}

// --- internal ---

const createBodySchema = v.object({ HostConfig: v.nullish(v.object(mountRequestEntries)) });

/** Makes every bind source of the request right, or refuses it. Requests that mount nothing pass at once. */
async function prepare(
  request: DockerRequest,
  mirrors: readonly Mirror[],
  boot: Boot,
  docker: DockerApi,
): Promise<(() => Promise<void>) | undefined> {
  const sources = (await sourcesOf(request, docker)).map((source) => throughLinks(source, boot));
  if (sources.length === 0) return undefined;
  await settleSources(sources, boot);
  return async () => {
    for (const mirror of mirrors) await mirrorSources(mirror, sources);
  };
}

/** A source below a link that leads to a mirrored folder (macOS: /private/tmp), as it is named in that folder. */
function throughLinks(source: BindSource, { shares }: Boot): BindSource {
  for (const { path, folder, links = [] } of shares) {
    const link = path === folder ? undefined : links.find((name) => liesIn(source.path, name));
    if (link !== undefined) return { ...source, path: `${path}${source.path.slice(link.length)}` };
  }
  return source;
}

async function sourcesOf(request: DockerRequest, docker: DockerApi): Promise<readonly BindSource[]> {
  const call = mountCallOf(request.method, request.uri);
  if (call === undefined) return [];
  if (call.call === "create") {
    const body = v.safeParse(createBodySchema, request.body);
    // A body that is not what Docker knows is Docker's to refuse, in its own words.
    return body.success ? bindSourcesOf(body.output.HostConfig ?? {}) : [];
  }
  try {
    return (await sourcesOfRecord(call.id)) ?? bindSourcesOf((await docker.details(call.id)).HostConfig);
  } catch {
    // No such container: Docker says so itself.
    return [];
  }
}

/** Prepares what Docker starts by itself. One that cannot be shown must not keep the others, or Docker, from starting. */
async function prepareRestarting(mirrors: readonly Mirror[]): Promise<void> {
  for (const source of await sourcesOfRestarting()) {
    for (const mirror of mirrors) await mirrorSources(mirror, [source]).catch(logTrouble);
  }
}

/** What takes away what is gone, once for all who ask for it before it begins. */
function sweeper(mirrors: readonly Mirror[], inTurn: ReturnType<typeof newQueue>): () => void {
  const sweeps = newQueue();
  let isDue = false;
  const sweep = async (): Promise<void> => {
    isDue = false;
    for (const mirror of mirrors) await sweepDeleted(mirror, (action) => inTurn(async () => action()));
  };
  return () => {
    if (isDue) return;
    isDue = true;
    void sweeps(sweep).catch(logTrouble);
  };
}

/** Calls of `docker run` after which no container has gone, and the next call comes at once. */
const changeNothing: ReadonlySet<string> = new Set(["create", "attach", "resize"]);

/** A wait is answered when a container has ended, so that the end of `docker run --rm` counts too. */
function changesContainers({ method, uri }: DockerRequest): boolean {
  const [kind, id = "", verb = id] = dockerPath(uri) ?? [];
  return method !== "GET" && kind === "containers" && !changeNothing.has(verb);
}

function logTrouble(error: unknown): void {
  process.stderr.write(`${messageOf(error)}\n`);
}
