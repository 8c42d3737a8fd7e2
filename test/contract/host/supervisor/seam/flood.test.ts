/** A supervisor whose guest asks without end and reads no answer: it holds little, and answers its user. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { programsMs } from "../../../../support/fake-vm.ts";
import { flooded } from "../../../../support/flooded-supervisor.ts";
import { floods } from "../../../../support/flooding-agent.ts";

setDefaultTimeout(programsMs);

/** Long enough for hundreds of megabytes, if they were kept. */
const floodMs = 3_000;

/** A busy machine is slow by itself; the long run has the second that a person is promised. */
const answerMs = 5_000;

for (const flood of floods) {
  test.skipIf(process.platform !== "linux")(
    `a guest that floods its supervisor with "${flood}" and reads nothing makes it neither large nor deaf`,
    async () => {
      const { restMiB, mostMiB, slowestMs } = await flooded(flood, floodMs);
      console.log(`${flood}: ${restMiB.toFixed(0)} -> ${mostMiB.toFixed(0)} MiB, status ${slowestMs.toFixed(0)} ms`);
      // What it guards against is 6 to 45 times; the collector of garbage may be late on a busy machine.
      expect(mostMiB / restMiB).toBeLessThan(3);
      expect(slowestMs).toBeLessThan(answerMs);
    },
  );
}
