/**
 * The benchmarks: ratios, each measured within this one run, since machines differ and are noisy.
 *
 *   node_modules/.bin/bun test/bench/bench.ts [up|calls|status|ssh|rest|requests|streams|rounds|tmp|race|shares]…
 *
 * Needs dist/qn and a guest image of this build (`QN_HOME=$PWD/dist/e2e dist/qn image build`), and no other load.
 */
import { bootVm, type Vm } from "../support/vm.ts";
import { measureDockerCalls } from "./docker-calls.ts";
import { guestOf } from "./guest.ts";
import { measureRequests } from "./requests.ts";
import { measureRest } from "./rest.ts";
import { measureRounds } from "./rounds.ts";
import { benchShares, measureShares } from "./shares.ts";
import { measureSsh } from "./ssh.ts";
import { measureStatus } from "./status.ts";
import { measureStreams } from "./streams.ts";
import { measureTmp, raceTmp } from "./tmp.ts";
import { measureUp } from "./up.ts";

const benchmarks = {
  up: measureUp,
  calls: (vm: Vm) => measureDockerCalls(guestOf(vm)),
  status: measureStatus,
  ssh: measureSsh,
  rest: measureRest,
  requests: measureRequests,
  streams: measureStreams,
  rounds: (vm: Vm) => measureRounds(guestOf(vm)),
  tmp: (vm: Vm) => measureTmp(guestOf(vm)),
  race: (vm: Vm) => raceTmp(guestOf(vm)),
  shares: measureShares,
};

const wanted = process.argv.slice(2);
await using vm = await bootVm({ before: benchShares });
for (const [name, measure] of Object.entries(benchmarks)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  console.log(`\n${name}`);
  for (const line of await measure(vm)) console.log(`  ${line}`);
}
