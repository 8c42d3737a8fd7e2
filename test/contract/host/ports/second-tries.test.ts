/** Ports that somebody else had are open again soon after they are free, and whoever waits for one is named meanwhile. */
import { expect, test } from "bun:test";
import { basename } from "node:path";
import { Gateway } from "../../../../src/host/gate/gateway.ts";
import { forwardStatuses } from "../../../../src/host/supervisor/status.ts";
import { GuestForwards } from "../../../../src/host/supervisor/seam/guest-forwards.ts";
import { SecondTries } from "../../../../src/host/ports/second-tries.ts";
import { pause } from "../../../../src/system/clock.ts";
import { freePort } from "../../../support/datagrams.ts";
import { forwardsTo, published, states, stranger } from "../../../support/forwards.ts";
import { realGate } from "../../../support/gates.ts";

for (const protocol of ["tcp", "udp"] as const) {
  test(`a ${protocol} port that was taken is forwarded within two seconds after it is free, and that is told`, async () => {
    using gate = realGate();
    using host = forwardsTo(gate);
    const freed = Promise.withResolvers<string>();
    host.forwards.onFreed = ({ hostIp, hostPort }) => freed.resolve(`${hostIp} ${hostPort}`);
    let port: number;
    const other = published(await freePort(), { protocol });
    {
      await using program = await stranger(protocol);
      ({ port } = program);
      expect(await host.forwards.serve([other, published(port, { protocol })])).toHaveLength(1);
    }
    const freedAtMs = performance.now();
    const changed = Promise.withResolvers<string>();
    host.forwards.onChange = (what) => changed.resolve(what);
    expect(await freed.promise).toBe(`127.0.0.1 ${port}`);
    expect(await changed.promise).toBe("forwards");
    expect(performance.now() - freedAtMs).toBeLessThan(2_000);
    expect(states(host.forwards)).toEqual([`${protocol} 127.0.0.1 open`, `${protocol} 127.0.0.1 open`]);
  });
}

test("a port that nobody publishes any more stays free when its owner has ended", async () => {
  using gate = realGate();
  using host = forwardsTo(gate);
  const freed: unknown[] = [];
  host.forwards.onFreed = (forward) => freed.push(forward);
  let port: number;
  {
    await using program = await stranger("tcp");
    ({ port } = program);
    await host.forwards.serve([published(port)]);
    await host.forwards.serve([]);
  }
  // A look, had one been left, comes within a second.
  await pause(1_200);
  await using again = await stranger("tcp", [], { port });
  expect([again.port, freed, states(host.forwards)]).toEqual([port, [], []]);
});

test("nothing is looked at while nobody waits, and the others have their turn when there are many", async () => {
  const looks: number[][] = [];
  const enough = Promise.withResolvers<void>();
  const tries = new SecondTries<number>(async (some) => {
    looks.push([...some]);
    tries.wait([...all.filter((each) => !some.includes(each)), ...some]);
    if (looks.length === 2) enough.resolve();
    await Promise.resolve();
  }, 1);
  const all = Array.from({ length: 200 }, (_, index) => index);
  tries.wait(all);
  await enough.promise;
  tries.wait([]);
  const seen = looks.length;
  expect(looks[0]).toEqual(all.slice(0, 128));
  expect(looks[1]?.slice(0, 72)).toEqual(all.slice(128));
  await pause(20);
  expect(looks).toHaveLength(seen);
});

test("a port that is open on one address and taken on the other is told with both, until it is whole", async () => {
  using gate = realGate();
  using host = forwardsTo(gate);
  const freed = Promise.withResolvers<void>();
  host.forwards.onFreed = () => freed.resolve();
  const errors = () => forwardStatuses(host.forwards.all).map(({ hostIp, state, error }) => [hostIp, state, error]);
  {
    await using program = await stranger("tcp", [], { hostname: "::1" });
    const { port, pid } = program;
    await host.forwards.serve([published(port, { hostIp: "0.0.0.0" })]);
    const taken = `Port ${port} on ::1 is taken by ${basename(process.execPath)} (pid ${pid}).`;
    const half = `It is open on 127.0.0.1, so "localhost" leads to the one or to the other.`;
    expect(errors()).toEqual([
      ["127.0.0.1", "open", null],
      ["::1", "failed", `${taken} ${half}`],
    ]);
  }
  await freed.promise;
  expect(errors()).toEqual([
    ["127.0.0.1", "open", null],
    ["::1", "open", null],
  ]);
});

test("a person is warned once of a container that runs without its port, and not of one that asks for it", async () => {
  const warnings: string[] = [];
  const forwards = new GuestForwards(new Gateway(), {
    rules: { bind: "loopback", deny: [] },
    onForwards: () => {},
    log: () => {},
    warn: (text) => warnings.push(text),
  });
  await using program = await stranger("tcp");
  const { port, pid } = program;
  const report = async (number: number, asked: boolean): Promise<void> => {
    const ports = [published(port, asked ? { asked } : {})];
    await forwards.serve({ message: { type: "ports", report: number, ports }, reply: () => undefined });
  };
  await report(1, true);
  expect(warnings).toEqual([]);
  await report(2, false);
  await report(3, false);
  forwards.close();
  const taken = `Port ${port} on 127.0.0.1 is taken by ${basename(process.execPath)} (pid ${pid}).`;
  expect(warnings).toEqual([`${taken} "web" gets it as soon as it is free.`]);
});
