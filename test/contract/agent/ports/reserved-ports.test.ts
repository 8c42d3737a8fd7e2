/** Ports that the agent holds so that Docker does not choose them: nobody else can have them, and nobody is let in. */
import { expect, test } from "bun:test";
import { ReservedPorts } from "../../../../src/agent/ports/reserved-ports.ts";
import { connect, listen } from "../../../../src/system/net/connection.ts";
import { listenForDatagrams } from "../../../../src/system/net/datagrams.ts";
import { freePort } from "../../../support/datagrams.ts";

/** Who could have this port now, at each address and protocol; "open" where one may listen. */
async function free(port: number): Promise<string[]> {
  const places = ["127.0.0.1", "0.0.0.0", "::1"];
  const outcomes = [];
  for (const hostname of places) {
    try {
      listen({ hostname, port }, () => {}).close();
      outcomes.push(`tcp ${hostname}`);
    } catch {
      // Held.
    }
    const socket = await listenForDatagrams({ hostname, port }, () => {}).catch(() => {});
    if (socket !== undefined) outcomes.push(`udp ${hostname}`);
    socket?.close();
  }
  return outcomes;
}

const everywhere = ["tcp 127.0.0.1", "udp 127.0.0.1", "tcp 0.0.0.0", "udp 0.0.0.0", "tcp ::1", "udp ::1"];

test.skipIf(process.platform !== "linux")(
  "what is held nobody can listen on or connect to, until it is not held any more",
  async () => {
    const held = new ReservedPorts();
    const [one, two] = [await freePort(), await freePort()];
    expect(held.any).toBe(false);
    held.hold([one, two]);
    expect(held.any).toBe(true);
    expect([await free(one), await free(two)]).toEqual([[], []]);
    expect(await connect({ hostname: "127.0.0.1", port: one }).catch((error: unknown) => error)).toMatchObject({
      code: "ECONNREFUSED",
    });
    held.hold([two]);
    expect([await free(one), await free(two)]).toEqual([everywhere, []]);
    held.hold([]);
    expect(await free(two)).toEqual(everywhere);
  },
);

test.skipIf(process.platform !== "linux")(
  "a port that Docker has already stays Docker's, and is held once it is free",
  async () => {
    const held = new ReservedPorts();
    const port = await freePort();
    const docker = listen({ hostname: "0.0.0.0", port }, () => {});
    held.hold([port]);
    expect((await free(port)).filter((place) => place.startsWith("udp"))).toEqual([]);
    (await connect({ hostname: "127.0.0.1", port })).reset();
    docker.closeAll();
    held.hold([]);
    held.hold([port]);
    expect(await free(port)).toEqual([]);
    held.hold([]);
  },
);
