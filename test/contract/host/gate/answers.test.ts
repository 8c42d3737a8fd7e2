/** What the host keeps of a guest's answer to a request: there are a thousand clients at once, and no end need come. */
import { expect, test } from "bun:test";
import { connect } from "../../../../src/system/net/connection.ts";
import { handGate, hostSide } from "../../../support/gates.ts";
import { hostSide as udpSide } from "../../../support/udp-port.ts";
import { receive } from "../../../support/streams.ts";

test("an answer that goes on past the longest reason ends its stream and its client", async () => {
  using gate = handGate();
  await using host = await hostSide(gate.key);
  await gate.proven(8);
  const client = receive(await connect(host.address));
  for (const { connection } of gate.callers) {
    connection.amend({ onData: () => void connection.write("x".repeat(25_000)) });
    connection.resume();
  }
  expect(await client.closed).toBe("ECONNRESET");
});

test("the longest reason is read to its end, however it is written", async () => {
  using gate = handGate();
  using host = await udpSide(gate.key);
  await gate.proven(8);
  const reason = "\u0001".repeat(4_096);
  for (const { connection } of gate.callers) {
    connection.amend({ onData: () => void connection.write(`${JSON.stringify({ ok: false, reason })}\n`) });
    connection.resume();
  }
  const refused = host.refused();
  host.flows.take(Buffer.from("?"), { hostname: "127.0.0.1", port: 9 });
  expect(await refused).toBe(reason);
});
