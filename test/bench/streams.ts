/** Bytes through a forward of qn's beside slirp's bare `hostfwd`: one stream, and eight at once. */
import type { Vm } from "../support/vm.ts";
import { fetchPattern } from "../support/tcp-client.ts";
import { inTurn, type Ratio, ratioOf } from "./figures.ts";
import { twoWays } from "./two-ways.ts";

const rounds = 4;
const megabyte = 1_000_000;

/** The ratios of the rates, in MB/s; every byte is looked at. */
export async function measureStreams(vm: Vm): Promise<Ratio[]> {
  await using ways = await twoWays(vm, 85);
  const ratios: Ratio[] = [];
  for (const streams of [1, 8]) {
    const rates = await inTurn(
      rounds,
      () => rateOf(ways.forward, streams, 64 * megabyte),
      () => rateOf(ways.slirp, streams, 64 * megabyte),
    );
    const what = streams === 1 ? "one stream of 64 MB" : "eight streams, 64 MB together";
    ratios.push(ratioOf(what, rates, "MB/s", "at least 1"));
  }
  return ratios;
}

// --- internal ---

/** Megabytes per second. Throws when a byte is missing or wrong. */
async function rateOf(port: number, streams: number, bytes: number): Promise<number> {
  const begin = performance.now();
  await Promise.all(Array.from({ length: streams }, () => fetchPattern(port, bytes / streams)));
  return bytes / megabyte / ((performance.now() - begin) / 1000);
}
