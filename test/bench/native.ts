/**
 * What the plugins cost Docker's calls, and whether they are right each time, where nothing is emulated: the guest image's own programs on this machine's kernel, and the
 * supervisor in front of them (test/support/native-guest.ts). For root on Linux:
 *
 *   node_modules/.bin/bun test/bench/native.ts [calls|agent|tmp|rounds|race]…
 *
 * Needs a guest image of this build (`QN_HOME=$PWD/dist/e2e dist/qn image build`), the docker command, and no other load.
 */
import { nativeVm, runApart } from "../support/native-vm.ts";
import { measureAgent } from "./agent.ts";
import { measureDockerCalls } from "./docker-calls.ts";
import { tell } from "./kept.ts";
import { measureRounds } from "./rounds.ts";
import { measureTmp, raceTmp } from "./tmp.ts";

const benchmarks = {
  calls: measureDockerCalls,
  agent: measureAgent,
  tmp: measureTmp,
  rounds: measureRounds,
  race: raceTmp,
};
const [first, ...wanted] = process.argv.slice(2);

if (first === "inside") await measure();
else process.exitCode = await runApart(import.meta.path, ["inside", ...process.argv.slice(2)]);

// --- internal ---

async function measure(): Promise<void> {
  await using guest = await nativeVm();
  for (const [name, bench] of Object.entries(benchmarks)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    await tell(`native.ts ${name}`, await bench(guest, guest.log), false);
  }
}
