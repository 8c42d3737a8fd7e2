/** Docker's answers with qn's plugins beside the same daemon without them, in the same guest, in turn. */
import { join } from "node:path";
import { type DockerCalls, dockerCalls } from "../support/docker-calls.ts";
import { until } from "../support/until.ts";
import type { Vm } from "../support/vm.ts";
import { median } from "./figures.ts";

/** Both ways are measured so many times, in turn, since an emulated guest is faster at one moment than at the next. */
const turns = 8;
const listsPerTurn = 10;

/** A guest that does not answer for this long fails the benchmark. */
const patienceMs = 60_000;

/** Times of calls by their name, in ms. */
type Times = Record<string, number[]>;

/** What the plugins cost each call, in ms. */
export async function measureDockerCalls(vm: Vm): Promise<string[]> {
  const { socket } = (await vm.status()).docker;
  const call = dockerCalls(socket, patienceMs);
  const [asked, alone]: [Times, Times] = [{}, {}];
  await inGuest(vm, "cp /etc/docker/daemon.json /run/daemon.json");
  try {
    // The first turn of each is for caches and does not count.
    for (let turn = -1; turn < turns; turn += 1) {
      for (const isAsked of [true, false]) {
        await usePlugins(vm, call, isAsked);
        await measure(call, turn < 0 ? {} : isAsked ? asked : alone);
      }
    }
  } finally {
    await usePlugins(vm, call, true);
  }
  return Object.entries(asked).map(([call, times]) => {
    const [ours, theirs] = [median(times), median(alone[call] ?? [])];
    const parts = `${ours.toFixed(1)} and ${theirs.toFixed(1)} ms`;
    return `${call} with the plugins beside without: ${(ours - theirs).toFixed(1)} ms more (${parts}; aim: at most 10)`;
  });
}

// --- internal ---

async function inGuest(vm: Vm, command: string): Promise<void> {
  await vm.succeed(["ssh", "-F", join(vm.folder, "ssh_config"), "root@qn-default", command]);
}

/** Lets dockerd ask the plugins, or not: it reads that list again without a restart (dockerd(8), "reload"), and says when. */
async function usePlugins(vm: Vm, call: DockerCalls, isAsked: boolean): Promise<void> {
  const sinceS = Math.floor(Date.now() / 1000) - 1;
  const write = isAsked ? "cat" : "sed /authorization-plugins/d";
  await inGuest(vm, `${write} /run/daemon.json > /etc/docker/daemon.json && systemctl reload docker`);
  await until("dockerd's new list of plugins", patienceMs, async () => {
    const query = new URLSearchParams({
      since: `${sinceS}`,
      until: `${Math.floor(Date.now() / 1000)}`,
      filters: JSON.stringify({ event: ["reload"] }),
    });
    // A call that begins with plugins and ends without has no body (moby, pkg/authorization/middleware.go).
    return (await call("GET", `/events?${query.toString()}`)) === undefined ? undefined : true;
  });
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
  const made = await ask("create", "POST", "/containers/create", { Image: "busybox", Cmd: ["sleep", "1000"] });
  const { Id } = made as { Id: string };
  await ask("start", "POST", `/containers/${Id}/start`);
  await ask("rm --force", "DELETE", `/containers/${Id}?force=1`);
}
