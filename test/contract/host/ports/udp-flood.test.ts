/** Floods of UDP ports: how many flows there are, of which port, and how much waits for them. */
import { expect, test } from "bun:test";
import { Gateway } from "../../../../src/host/gate/gateway.ts";
import { GatePool } from "../../../../src/host/gate/pool.ts";
import { Flows } from "../../../../src/host/ports/udp.ts";
import { turn } from "../../../../src/system/clock.ts";
import { handGate } from "../../../support/gates.ts";
import { payload } from "../../../support/streams.ts";
import { hostSide } from "../../../support/udp-port.ts";

test("a flood of clients is bounded: the idlest flows end", async () => {
  // Nobody comes through this gate, so that each flow stays until it is ended.
  using gate = handGate(() => Promise.withResolvers<void>().promise);
  using host = await hostSide(gate.key);
  for (let index = 0; index < 5000; index += 1) {
    host.flows.take(Buffer.from("x"), { hostname: `10.0.${index >> 8}.${index & 255}`, port: 1024 });
  }
  expect([Math.max(...host.counts), host.counts.at(-1)]).toEqual([1024, 1024]);
  // The newest still have their flow: nothing begins for them.
  const changes = host.counts.length;
  host.flows.take(Buffer.from("x"), { hostname: "10.0.19.135", port: 1024 });
  host.flows.take(Buffer.from("x"), { hostname: "10.0.16.0", port: 1024 });
  expect(host.counts).toHaveLength(changes);
  // A client that speaks now and then keeps its flow, however old it is.
  for (let index = 0; index < 5000; index += 1) {
    host.flows.take(Buffer.from("x"), { hostname: `10.1.${index >> 8}.${index & 255}`, port: 1024 });
    if (index % 500 === 0) host.flows.take(Buffer.from("x"), { hostname: "10.0.19.135", port: 1024 });
  }
  const flooded = host.counts.length;
  host.flows.take(Buffer.from("x"), { hostname: "10.0.19.135", port: 1024 });
  expect(host.counts).toHaveLength(flooded);
  host.flows.close();
  expect([host.counts.at(-1), host.refusals]).toEqual([0, []]);
});

/** How many flows wait for a connection through the gate, or for a gate. */
function waitersAt(gateway: Gateway): { readonly count: () => number } {
  let count = 0;
  const take = gateway.take.bind(gateway);
  gateway.take = async (...words) => {
    count += 1;
    return await take(...words).finally(() => (count -= 1));
  };
  return { count: () => count };
}

test("a flood of clients leaves nobody waiting whose flow has ended: in the gate's line, nor for the next gate", async () => {
  using gate = handGate(() => Promise.withResolvers<void>().promise);
  const lost = new Gateway();
  const pool = new GatePool(gate.key);
  lost.use(pool);
  lost.use(undefined);
  for (const given of [{}, { gateway: lost }]) {
    using host = await hostSide(gate.key, given);
    const waiters = waitersAt(given.gateway ?? host.gateway);
    for (let index = 0; index < 5000; index += 1) {
      host.flows.take(payload(30_000), { hostname: `10.0.${index >> 8}.${index & 255}`, port: 1024 });
    }
    await turn();
    expect(waiters.count()).toBe(1024);
    host.flows.close();
    await turn();
    expect(waiters.count()).toBe(0);
  }
  pool.close();
});

test("a flood of clients of one port takes no flow of another's, and all ports together have no more", async () => {
  using gate = handGate(() => Promise.withResolvers<void>().promise);
  using host = await hostSide(gate.key);
  const counts = { quiet: 0, also: 0 };
  const portOf = (name: keyof typeof counts): Flows =>
    new Flows({ ...host.options, onCount: (count) => (counts[name] = count) });
  const [quiet, also] = [portOf("quiet"), portOf("also")];
  const client = (index: number) => ({ hostname: `10.0.${index >> 8}.${index & 255}`, port: 1024 });
  for (let index = 0; index < 10; index += 1) quiet.take(Buffer.from("x"), client(index));
  for (let index = 0; index < 3000; index += 1) {
    host.flows.take(Buffer.from("x"), client(index));
    also.take(Buffer.from("x"), client(index));
  }
  expect([counts.quiet, (host.counts.at(-1) ?? 0) + counts.also]).toEqual([10, 1014]);
  for (const flows of [quiet, also]) flows.close();
});

test("what clients say before their flows are open is bounded for all of them together", async () => {
  const door = Promise.withResolvers<void>();
  using gate = handGate(() => door.promise);
  using host = await hostSide(gate.key);
  for (let index = 0; index < 200; index += 1) {
    for (let time = 0; time < 2; time += 1)
      host.flows.take(payload(30_000), { hostname: `10.0.0.${index}`, port: 1024 });
  }
  const mebibyte = 1024 ** 2;
  expect(host.gateway.flows.hold(4 * mebibyte - 139 * 30_000)).toBe(true);
  expect(host.gateway.flows.hold(1)).toBe(false);
  host.flows.close();
  expect(host.gateway.flows.hold(139 * 30_000)).toBe(true);
});
