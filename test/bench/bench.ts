/**
 * The benchmarks: ratios, each measured within this one run, since machines differ and are noisy.
 *
 *   node_modules/.bin/bun test/bench/bench.ts [--keep] [up|start|suspend|places|run|memory|calls|status|ssh|rest|requests|streams|rounds|tmp|race|options|shares]…
 *
 * Needs dist/qn and, but for `status`, a guest image of this build (`QN_HOME=$PWD/dist/e2e dist/qn image build`), and no other load.
 * With `--keep` the ratios are what the next run is compared with (figures.json; `bun scripts/docs.ts` then makes their table).
 */
import { parseArgs } from "node:util";
import { bootVm, type Vm } from "../support/vm.ts";
import { measureDockerCalls } from "./docker-calls.ts";
import { guestOf } from "./guest.ts";
import { tell } from "./kept.ts";
import { measureMemory } from "./memory.ts";
import { measurePlaces } from "./places.ts";
import { measureRequests } from "./requests.ts";
import { measureRest } from "./rest.ts";
import { measureRounds } from "./rounds.ts";
import { measureRun } from "./run.ts";
import { benchShares, measureOptions, measureShares } from "./shares.ts";
import { measureSsh } from "./ssh.ts";
import { measureStart } from "./start.ts";
import { measureStatus } from "./status.ts";
import { measureStreams } from "./streams.ts";
import { measureTmp, raceTmp } from "./tmp.ts";
import { measureSuspend } from "./suspend.ts";
import { measureUp } from "./up.ts";

const benchmarks = {
  up: measureUp,
  start: measureStart,
  suspend: measureSuspend,
  places: measurePlaces,
  run: measureRun,
  memory: measureMemory,
  calls: (vm: Vm) => measureDockerCalls(guestOf(vm)),
  ssh: measureSsh,
  rest: measureRest,
  requests: measureRequests,
  streams: measureStreams,
  rounds: (vm: Vm) => measureRounds(guestOf(vm)),
  tmp: (vm: Vm) => measureTmp(guestOf(vm)),
  race: (vm: Vm) => raceTmp(guestOf(vm)),
  options: measureOptions,
  shares: measureShares,
};

/** What needs no guest. */
const withoutGuest = { status: measureStatus };

const { values, positionals: wanted } = parseArgs({
  options: { keep: { type: "boolean", default: false } },
  allowPositionals: true,
});
const isWanted = ([name]: readonly [string, unknown]): boolean => wanted.length === 0 || wanted.includes(name);
for (const [name, measure] of Object.entries(withoutGuest).filter(isWanted)) {
  await tell(name, await measure(), values.keep);
}
const withGuest = Object.entries(benchmarks).filter(isWanted);
if (withGuest.length > 0) {
  await using vm = await bootVm({ before: benchShares });
  for (const [name, measure] of withGuest) await tell(name, await measure(vm), values.keep);
}
