/** Docker's answers with qn's plugins beside the same daemon without them, in the same guest, in turn. */
import { type DockerCalls, dockerCalls } from "../support/docker-calls.ts";
import { until } from "../support/until.ts";
import { median } from "./figures.ts";
import type { Guest } from "./guest.ts";

/** Both ways are measured so many times, in turn, since an emulated guest is faster at one moment than at the next. */
const turns = 8;
const listsPerTurn = 10;

/** Containers that publish nothing, and one port. */
const kinds = { "": {}, " with a port": { PublishAllPorts: true } };

/** A guest that does not answer for this long fails the benchmark. */
const patienceMs = 60_000;

/** Times of calls by their name, in ms. */
type Times = Record<string, number[]>;

/** What the plugins cost each call, in ms. */
export async function measureDockerCalls(guest: Guest): Promise<string[]> {
  const call = dockerCalls(guest.socket, patienceMs);
  const [asked, alone]: [Times, Times] = [{}, {}];
  await guest.asRoot("cp", "/etc/docker/daemon.json", "/run/daemon.json");
  try {
    // The first turn of each is for caches and does not count.
    for (let turn = -1; turn < turns; turn += 1) {
      for (const isAsked of [true, false]) {
        await usePlugins(guest, isAsked);
        await measure(call, turn < 0 ? {} : isAsked ? asked : alone);
      }
    }
  } finally {
    await usePlugins(guest, true);
  }
  return Object.entries(asked).map(([call, times]) => {
    const [ours, theirs] = [median(times), median(alone[call] ?? [])];
    const parts = `${ours.toFixed(1)} and ${theirs.toFixed(1)} ms`;
    return `${call} with the plugins beside without: ${(ours - theirs).toFixed(1)} ms more (${parts}; aim: at most 10)`;
  });
}

// --- internal ---

/** Lets dockerd ask the plugins, or not: it reads that list again without a restart (dockerd(8), "reload"), and says when. */
async function usePlugins(guest: Guest, isAsked: boolean): Promise<void> {
  const before = await reloadsOf(guest.socket);
  const write = isAsked ? "cat" : "sed /authorization-plugins/d";
  const reload = "kill -HUP $(cat /run/docker.pid)";
  await guest.asRoot("sh", "-c", `${write} /run/daemon.json > /etc/docker/daemon.json && ${reload}`);
  await until("dockerd's new list of plugins", patienceMs, async () =>
    (await reloadsOf(guest.socket)) > before ? true : undefined,
  );
}

/** How often dockerd has read its settings again; it remembers the last 256 events. */
async function reloadsOf(socket: string): Promise<number> {
  const filters = JSON.stringify({ event: ["reload"] });
  const query = new URLSearchParams({ since: "1", until: `${Math.ceil(Date.now() / 1000)}`, filters });
  const answer = await fetch(`http://docker/events?${query.toString()}`, {
    unix: socket,
    signal: AbortSignal.timeout(patienceMs),
  });
  // A call that begins with plugins and ends without has no body (moby, pkg/authorization/middleware.go).
  return (await answer.text()).split("\n").filter((line) => line !== "").length;
}

/** One turn: adds the times of each call, asked one after the other. */
async function measure(call: DockerCalls, times: Times): Promise<void> {
  const ask = async (name: string, method: string, path: string, body?: object): Promise<unknown> => {
    const begin = performance.now();
    const answer = await call(method, path, body);
    (times[name] ??= []).push(performance.now() - begin);
    return answer;
  };
  for (let round = 0; round < listsPerTurn; round += 1) await ask("GET /containers/json", "GET", "/containers/json");
  for (let round = 0; round < listsPerTurn; round += 1) await ask("GET /version", "GET", "/version");
  for (const [kind, HostConfig] of Object.entries(kinds)) {
    const asked = { Image: "busybox", Cmd: ["sleep", "1000"], ExposedPorts: { "80/tcp": {} }, HostConfig };
    const { Id } = (await ask(`create${kind}`, "POST", "/containers/create", asked)) as { Id: string };
    await ask(`start${kind}`, "POST", `/containers/${Id}/start`);
    await ask(`rm --force${kind}`, "DELETE", `/containers/${Id}?force=1`);
  }
}
