/** Bytes through a forward of qn's beside slirp's bare `hostfwd`: one stream, and eight at once. */
import type { Vm } from "../support/vm.ts";
import { fetchPattern } from "../support/tcp-client.ts";
import { inTurn, ratioLine } from "./figures.ts";
import { twoWays } from "./two-ways.ts";

const rounds = 4;
const megabyte = 1_000_000;
const gigabyte = 1000 * megabyte;

/** The ratios of the rates, in MB/s; then a whole gigabyte through eight streams, every byte of it looked at. */
export async function measureStreams(vm: Vm): Promise<string[]> {
  await using ways = await twoWays(vm, 85);
  const lines: string[] = [];
  for (const streams of [1, 8]) {
    const rates = await inTurn(
      rounds,
      () => rateOf(ways.forward, streams, 200 * megabyte),
      () => rateOf(ways.slirp, streams, 200 * megabyte),
    );
    lines.push(ratioLine(`200 MB in ${streams} streams beside slirp's hostfwd`, rates, "MB/s", "at least 1.0"));
  }
  const rate = await rateOf(ways.forward, 8, gigabyte);
  return [...lines, `1 GB in 8 streams came whole, at ${rate.toFixed(0)} MB/s`];
}

// --- internal ---

/** Megabytes per second. Throws when a byte is missing or wrong. */
async function rateOf(port: number, streams: number, bytes: number): Promise<number> {
  const begin = performance.now();
  await Promise.all(Array.from({ length: streams }, () => fetchPattern(port, bytes / streams)));
  return bytes / megabyte / ((performance.now() - begin) / 1000);
}
