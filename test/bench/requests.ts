/** Small pages through a forward of qn's beside slirp's bare `hostfwd`: rate and latency, each page on a connection of its own. */
import { requestsAtOnce } from "../support/requests.ts";
import { counted } from "../../src/base/words.ts";
import type { Vm } from "../support/vm.ts";
import { quantile, type Ratio, ratioOf, type Told } from "./figures.ts";
import { type TwoWays, twoWays } from "./two-ways.ts";

/** Clients at once, how many pages each of them gets one after the other in a round, and how many rounds count. */
const loads = [
  { clients: 1, pages: 100, rounds: 4 },
  // A round of slirp's takes as long as a page that it loses is waited for.
  { clients: 200, pages: 3, rounds: 2 },
] as const;

/** What one round gave: pages per second, and how long single pages took. */
type Round = { readonly perSecond: number; readonly p50Ms: number; readonly p99Ms: number; readonly lost: number };

/** Rates and latencies of both ways, and their ratios. Throws when a page through the forward is lost: none may be. */
export async function measureRequests(vm: Vm): Promise<Told[]> {
  await using ways = await twoWays(vm, 80);
  const told: Told[] = [];
  for (const load of loads) told.push(...(await compare(ways, load)));
  return told;
}

// --- internal ---

async function compare(ways: TwoWays, load: (typeof loads)[number]): Promise<Told[]> {
  const [ours, theirs]: [Round[], Round[]] = [[], []];
  for (let round = 0; round <= load.rounds; round += 1) {
    const pair = [await play(ways.forward, load), await play(ways.slirp, load)] as const;
    if (pair[0].lost > 0) throw new Error(`${pair[0].lost} pages through the forward were lost.`);
    // The first one warms both up.
    if (round === 0) continue;
    ours.push(pair[0]);
    theirs.push(pair[1]);
  }
  const line = (what: string, unit: string, aim: string, of: (round: Round) => number): Ratio =>
    ratioOf(
      `a small page, ${counted(load.clients, "client")} at once, ${what}`,
      [ours.map(of), theirs.map(of)],
      unit,
      aim,
    );
  const lost = theirs.reduce((sum, round) => sum + round.lost, 0);
  return [
    line("pages per second beside slirp", "/s", "at least 1", ({ perSecond }) => perSecond),
    line("p50 beside slirp", "ms", "–", ({ p50Ms }) => p50Ms),
    line("p99 beside slirp", "ms", load.clients === 1 ? "–" : "at most 0.5", ({ p99Ms }) => p99Ms),
    ...(lost > 0
      ? [`${load.clients} clients: slirp lost ${lost} pages, whose time counts until they were given up`]
      : []),
  ];
}

async function play(port: number, { clients, pages }: (typeof loads)[number]): Promise<Round> {
  const begin = performance.now();
  const client = async () => {
    const answers = [];
    for (let page = 0; page < pages; page += 1) answers.push(...(await requestsAtOnce(1, port)));
    return answers;
  };
  const answers = (await Promise.all(Array.from({ length: clients }, client))).flat();
  const seconds = (performance.now() - begin) / 1000;
  const whole = answers.filter(({ text }) => text === "a small page\n");
  const times = answers.map(({ ms }) => ms);
  return {
    perSecond: whole.length / seconds,
    p50Ms: quantile(times, 0.5),
    p99Ms: quantile(times, 0.99),
    lost: answers.length - whole.length,
  };
}
