/** What neighbours on the same machine can take from the user: with hundreds of them Docker answers as it does without. */
import { expect } from "bun:test";
import { gatePortOf, hold } from "../support/neighbours.ts";
import { streamServer } from "../support/stream-server.ts";
import { until } from "../support/until.ts";
import { testWithVm, type Vm } from "../support/vm.ts";

const strangers = 400;
const idleClients = 1_500;
const times = 9;

/** So many clients of one forward are carried at once (src/host/gate/client-limit.ts). */
const carried = 512;

const { boot, portOf } = streamServer([80, 84]);
const test = testWithVm(boot);

/** How long `docker ps` takes, in the middle and at most. */
async function asked(vm: Vm): Promise<{ middleMs: number; mostMs: number }> {
  const taken: number[] = [];
  for (let index = 0; index < times; index += 1) {
    const begin = performance.now();
    await vm.docker("ps");
    taken.push(performance.now() - begin);
  }
  taken.sort((one, other) => one - other);
  return { middleMs: taken[Math.floor(times / 2)] ?? 0, mostMs: taken.at(-1) ?? 0 };
}

test(`with ${strangers} strangers at the gate and ${idleClients} idle clients of one port docker ps takes at most twice its time`, async (vm) => {
  const alone = await asked(vm);
  using calling = await hold(await gatePortOf(vm), strangers, true);
  const beside = await asked(vm);
  using idle = await hold(portOf(84), idleClients, false);
  const whileTheyCome = await asked(vm);
  await until("as many clients as are carried at once", 120_000, async () => idle.greeted >= carried || undefined);
  const besideBoth = await asked(vm);
  const status = await vm.status();
  console.log(JSON.stringify({ alone, beside, whileTheyCome, besideBoth, open: [calling.open, idle.open] }));
  expect(status.state).toBe("running");
  expect(besideBoth.middleMs).toBeLessThan(2 * alone.middleMs);
  expect(beside.middleMs).toBeLessThan(2 * alone.middleMs);
  expect(idle.open).toBe(idleClients);
});

test("when they have gone everything is as before, and another client of the port is served", async (vm) => {
  await vm.docker("ps");
  const answer = await fetch(`http://127.0.0.1:${portOf(80)}/`);
  expect(await answer.text()).toBe("a small page\n");
});
