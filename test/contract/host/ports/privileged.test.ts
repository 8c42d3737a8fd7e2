/** A port below 1024 at a loopback address as macOS has it: open at every address, and to loopback's clients only. */
import { expect, test } from "bun:test";
import { networkInterfaces } from "node:os";
import { connect } from "../../../../src/system/net/connection.ts";
import { datagramClient, datagramServer } from "../../../support/datagrams.ts";
import { forwardsTo, published, states } from "../../../support/forwards.ts";
import { realGate } from "../../../support/gates.ts";
import { listenSomewhere, receive } from "../../../support/streams.ts";

/** An address of this machine that is not loopback. */
const other = Object.values(networkInterfaces())
  .flatMap((each) => each ?? [])
  .find(({ family, internal }) => family === "IPv4" && !internal)?.address;

/** A port below 1024 that is free for TCP and UDP; nothing when this user may not have one. */
async function lowPort(): Promise<number | undefined> {
  for (let port = 1_023; port > 600; port -= 1) {
    try {
      Bun.listen({ hostname: "0.0.0.0", port, exclusive: true, socket: { data() {} } }).stop(true);
      (await Bun.udpSocket({ hostname: "0.0.0.0", port })).close();
      return port;
    } catch {
      // Taken, or not for this user.
    }
  }
  return undefined;
}

const low = await lowPort();

test.skipIf(low === undefined || other === undefined)(
  "TCP and UDP serve loopback, and nobody from elsewhere",
  async () => {
    await using web = await listenSomewhere("tcp", (connection) => {
      connection.amend({ onData: (bytes) => void connection.write(bytes) });
    });
    using dns = await datagramServer();
    using gate = realGate({
      addressOf: (open) => (open.open === "port" && open.protocol === "udp" ? dns.address : web.address),
    });
    using host = forwardsTo(gate, { bind: "loopback", deny: [] }, "darwin");
    const [port = 0, elsewhere = ""] = [low, other];
    const report = (["tcp", "udp"] as const).map((protocol) => published(port, { protocol, hostIp: "" }));
    expect(await host.forwards.serve(report)).toEqual([]);
    expect(states(host.forwards)).toEqual(["tcp 127.0.0.1 open", "tcp ::1 open", "udp 127.0.0.1 open", "udp ::1 open"]);
    for (const hostname of ["127.0.0.1", "::1"]) {
      const stream = await connect({ hostname, port });
      const received = receive(stream);
      stream.write("hello");
      await received.reached(5);
      stream.reset();
    }
    const stranger = await connect({ hostname: elsewhere, port });
    const received = receive(stranger);
    stranger.resume();
    expect([await received.closed, received.bytes]).toEqual(["ECONNRESET", 0]);
    using near = await datagramClient();
    expect((await near.ask("near", port)).toString()).toBe("near");
    const far = await Bun.udpSocket({ hostname: elsewhere, connect: { hostname: elsewhere, port } });
    far.send("far");
    await near.ask("after it", port);
    far.close();
    expect(dns.callers).toHaveLength(1);
  },
);
