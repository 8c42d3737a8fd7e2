/** What a mount below /tmp adds to the making of a container, and whether it is always the right file. */
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { playRaces, racesAtOnce } from "../support/races.ts";
import { inTurn, median, ratioOf, type Told } from "./figures.ts";
import type { Guest } from "./guest.ts";

const rounds = 30;
const races = 300;

/** Entries that lie in the host's /tmp beside the one that is mounted. */
const entryCounts = [10, 10_000];

/** What the agent itself takes, and the time of `create` with a mount below /tmp beside one in the home folder, for few and many entries in /tmp. */
export async function measureTmp(guest: Guest): Promise<Told[]> {
  const inHome = join(guest.inHome, "mounted");
  await mkdir(inHome);
  const told: Told[] = await ownTimes(guest);
  for (const count of entryCounts) {
    const entries = Array.from({ length: count }, (_unused, index) => `${guest.inTmp}.beside-${index}`);
    const mounted = `${guest.inTmp}.mounted`;
    try {
      await Promise.all([...entries, mounted].map((path) => mkdir(path, { recursive: true })));
      const times = await inTurn(
        rounds,
        () => timeOfCreate(guest, mounted),
        () => timeOfCreate(guest, inHome),
      );
      told.push(ratioOf(`create with a mount below /tmp (${count} entries) beside home`, times, "ms", "20 ms more"));
    } finally {
      await Promise.all([...entries, mounted].map((path) => rm(path, { recursive: true, force: true })));
    }
  }
  return told;
}

/** How many of 300 files are what the host has made a moment before the container that reads them; some at a time. */
export async function raceTmp(guest: Guest): Promise<string[]> {
  const begin = performance.now();
  const wrong = await playRaces(guest, races);
  const seconds = (performance.now() - begin) / 1000;
  const right = `${races - wrong.length} of ${races} files made in /tmp and mounted at once were right`;
  return [`${right} (aim: all; ${seconds.toFixed(0)} s, ${racesAtOnce} at a time)`, ...wrong];
}

// --- internal ---

/** How often the agent is asked in a `docker run` beside: before and after ping, attach and wait, and after create and start. */
const otherCalls = 8;

/**
 * Asks the plugin itself, in the guest, as dockerd does, over one connection: for what mounts nothing, for entries that it has to
 * mount, and for the same once they are mounted. The first third of each is for caches and does not count.
 */
async function ownTimes(guest: Guest): Promise<string[]> {
  const entries = Array.from({ length: rounds * 1.5 }, (_unused, index) => `${guest.inTmp}.asked-${index}`);
  const script = `const times = [[], [], []];
    let text = "", answered = () => {};
    const data = (_socket, bytes) => { text += bytes; if (text.endsWith("}")) answered(); };
    const plugin = await Bun.connect({ unix: "/run/docker/plugins/qn.sock", socket: { data } });
    const ask = async (RequestMethod, RequestUri, asked) => {
      const RequestBody = asked && Buffer.from(JSON.stringify(asked)).toString("base64");
      const body = JSON.stringify({ RequestMethod, RequestUri, RequestBody });
      const { promise, resolve } = Promise.withResolvers();
      [text, answered] = ["", resolve];
      const begin = performance.now();
      plugin.write("POST /AuthZPlugin.AuthZReq HTTP/1.1\\r\\nHost: d\\r\\nContent-Length: " + body.length + "\\r\\n\\r\\n" + body);
      await promise;
      if (!text.includes('"Allow":true')) throw new Error(text);
      return performance.now() - begin;
    };
    for (const path of process.argv[1].split(" ")) {
      times[0].push(await ask("HEAD", "/_ping"));
      for (const kind of times.slice(1))
        kind.push(await ask("POST", "/v1.45/containers/create", { HostConfig: { Binds: [path + ":/x"] } }));
    }
    console.log(JSON.stringify(times));
    process.exit(0);`;
  try {
    for (const path of entries) await mkdir(path);
    const ask = ["env", "BUN_BE_BUN=1", "/usr/local/bin/qn", "-e", script, entries.join(" ")];
    const times = JSON.parse(await guest.asRoot(...ask)) as number[][];
    const [nothing = 0, fresh = 0, again = 0] = times.map((kind) => median(kind.slice(rounds / 2)));
    const whole = fresh + again + otherCalls * nothing;
    return [
      `the agent's part of a docker run with a mount below /tmp: ${whole.toFixed(1)} ms (aim: at most 20)`,
      `of that for an entry that is not mounted yet: ${fresh.toFixed(1)} ms`,
      `for one that is: ${again.toFixed(1)} ms`,
      `for each of the ${otherCalls} calls that mount nothing: ${nothing.toFixed(2)} ms`,
    ];
  } finally {
    await Promise.all(entries.map((path) => rm(path, { recursive: true, force: true })));
  }
}

async function timeOfCreate({ socket }: Guest, source: string): Promise<number> {
  const body = JSON.stringify({ Image: "busybox", Cmd: ["true"], HostConfig: { Binds: [`${source}:/x`] } });
  const headers = { "content-type": "application/json" };
  const begin = performance.now();
  const answer = await fetch("http://docker/containers/create", { unix: socket, method: "POST", headers, body });
  const made = (await answer.json()) as { Id?: string };
  const { Id } = made;
  const spentMs = performance.now() - begin;
  if (Id === undefined) throw new Error(`Docker made no container: ${answer.status} ${JSON.stringify(made)}`);
  await fetch(`http://docker/containers/${Id}`, { unix: socket, method: "DELETE" });
  return spentMs;
}
