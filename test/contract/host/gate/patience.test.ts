/** How long streams and flows may be silent: a TCP stream for ever, a UDP flow for 90 s. */
import { afterEach, expect, jest, test } from "bun:test";
import { Gateway } from "../../../../src/host/gate/gateway.ts";
import { GatePool } from "../../../../src/host/gate/pool.ts";
import { connect } from "../../../../src/system/net/connection.ts";
import { datagramClient, datagramServer } from "../../../support/datagrams.ts";
import { realGate } from "../../../support/gates.ts";
import { listenSomewhere, receive } from "../../../support/streams.ts";
import { hostSide } from "../../../support/udp-port.ts";

const hourMs = 3_600_000;

afterEach(() => void jest.useRealTimers());

test("a TCP stream that is silent for a day works on: no clock runs while it is open", async () => {
  await using server = await listenSomewhere("tcp", (connection) => {
    connection.amend({ onData: (bytes) => void connection.write(bytes) });
  });
  using gate = realGate({ addressOf: () => server.address });
  jest.useFakeTimers();
  const pool = new GatePool(gate.key);
  const gateway = new Gateway();
  gateway.use(pool);
  await using listener = await listenSomewhere("tcp", (client) => {
    void gateway.carry(client, { open: "docker" }, {});
  });
  const client = await connect(listener.address);
  const received = receive(client);
  client.write("one");
  await received.reached(3);
  jest.advanceTimersByTime(24 * hourMs);
  client.write("two");
  await received.reached(6);
  expect([received.whole.toString(), jest.getTimerCount()]).toEqual(["onetwo", 0]);
  client.end();
  pool.close();
});

test("a UDP flow ends after 90 s of silence, and not before", async () => {
  using server = await datagramServer();
  using gate = realGate({ addressOf: () => server.address });
  jest.useFakeTimers();
  using host = await hostSide(gate.key);
  using client = await datagramClient();
  await client.ask("one", host.port);
  jest.advanceTimersByTime(89_999);
  expect(host.counts).toEqual([1]);
  await client.ask("two", host.port);
  jest.advanceTimersByTime(89_999);
  expect(host.counts).toEqual([1]);
  jest.advanceTimersByTime(1);
  expect([host.counts, server.callers.length]).toEqual([[1, 0], 1]);
});
