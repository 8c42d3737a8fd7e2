/** What the guest's agent weighs, and how often dockerd asks its plugins: for the client's calls, and for qn's own in between. */
import { readFile } from "node:fs/promises";
import { dockerCalls } from "../support/docker-calls.ts";
import { memoryIn } from "../support/resident.ts";
import { until } from "../support/until.ts";
import type { Guest } from "./guest.ts";

/** A guest that does not answer for this long fails the benchmark. */
const patienceMs = 60_000;

/** So many containers run before anything is counted: the agent has done its work then, and its memory is that of a used one. */
const warmups = 20;

/** One line for each process of the agent, and one for each call. `log` is what dockerd writes. */
export async function measureAgent(guest: Guest, log: string): Promise<string[]> {
  const call = dockerCalls(guest.socket, patienceMs);
  const asked = {
    Image: "busybox",
    Cmd: ["sleep", "1000"],
    HostConfig: { PortBindings: { "80/tcp": [{ HostPort: "8123" }] }, Binds: [`${guest.inTmp}:/x`] },
  };
  const names = Array.from({ length: warmups }, (_, index) => `warm-${index}`);
  for (const name of names) await round(call, name, asked);
  const memory = await memoryOf(guest);
  await guest.asRoot("cp", "/etc/docker/daemon.json", "/run/daemon.json");
  const lines = [...memory];
  try {
    await beVerbose(guest, log);
    for (const [step, count] of Object.entries(await countRound(call, asked, log))) {
      lines.push(`${step} of a container with a port and a mount: dockerd asks plugins ${count} times`);
    }
  } finally {
    await guest.asRoot(
      "sh",
      "-c",
      "cat /run/daemon.json > /etc/docker/daemon.json && kill -HUP $(cat /run/docker.pid)",
    );
  }
  return lines;
}

// --- internal ---

type Calls = ReturnType<typeof dockerCalls>;

async function round(call: Calls, name: string, asked: object): Promise<void> {
  await call("POST", `/containers/create?name=${name}`, asked);
  await call("POST", `/containers/${name}/start`);
  await call("DELETE", `/containers/${name}?force=1`);
}

/** How often plugins are asked until nothing more comes of a call: for its request, its answer, and calls of the agent's own. */
async function countRound(call: Calls, asked: object, log: string): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  const step = async (name: string, method: string, path: string, body?: object): Promise<unknown> => {
    const before = await questionsIn(log);
    const answer = await call(method, path, body);
    // What events make the agent ask follows within a moment.
    await Bun.sleep(1_000);
    counts[name] = (await questionsIn(log)) - before;
    return answer;
  };
  const { Id } = (await step("create", "POST", "/containers/create?name=counted", asked)) as { Id: string };
  await step("start by name", "POST", "/containers/counted/start");
  await step("stop", "POST", "/containers/counted/stop?t=0");
  await step("start by id", "POST", `/containers/${Id}/start`);
  await step("rm --force", "DELETE", `/containers/${Id}?force=1`);
  return counts;
}

/** dockerd says in its log when it asks a plugin (moby, pkg/authorization/authz.go). */
async function questionsIn(log: string): Promise<number> {
  return (await readFile(log, "utf8")).split(/AuthZ re(?:quest|sponse) using plugin/).length - 1;
}

async function beVerbose(guest: Guest, log: string): Promise<void> {
  const before = (await readFile(log, "utf8")).length;
  const write = `sed '0,/{/s//{ "debug": true,/' /run/daemon.json > /etc/docker/daemon.json`;
  await guest.asRoot("sh", "-c", `${write} && kill -HUP $(cat /run/docker.pid)`);
  await until("dockerd's new settings", patienceMs, async () =>
    (await readFile(log, "utf8")).slice(before).includes("Reloaded configuration") ? true : undefined,
  );
}

/** Of every process of the agent: its share of memory that others use too, and its whole (proc(5), smaps_rollup). */
async function memoryOf(guest: Guest): Promise<string[]> {
  const script = `for pid in $(pgrep -f '^qn agent'); do
    echo "$(tr '\\0' ' ' < /proc/$pid/cmdline)"; grep -E '^(Rss|Pss|Private_Dirty):' /proc/$pid/smaps_rollup; done`;
  const text = await guest.asRoot("sh", "-c", script);
  return text.split(/^(?=qn agent)/m).map((part) => {
    const [name = ""] = part.split("\n");
    const memory = memoryIn(part);
    const [share, resident, written] = [memory.Pss, memory.Rss, memory.Private_Dirty].map((mib) => mib.toFixed(0));
    return `${name.trim()}: ${share} MiB of its own share (Pss), ${resident} resident, ${written} written`;
  });
}
