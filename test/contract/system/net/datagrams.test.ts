/** Datagrams between real sockets, of both families. */
import { expect, test } from "bun:test";
import { connectDatagrams, listenForDatagrams } from "../../../../src/system/net/datagrams.ts";
import { until } from "../../../support/until.ts";

test.each(["127.0.0.1", "::1"])(
  "a server at %s hears datagrams of every length, and its answers come",
  async (hostname) => {
    const server = await listenForDatagrams({ hostname, port: 0 }, (payload, client) => server.send(payload, client));
    const lengths: number[] = [];
    const client = await connectDatagrams({ hostname, port: server.port }, (payload) => lengths.push(payload.length));
    for (const length of [0, 1, 1_472, 65_507]) client.send(new Uint8Array(length));
    await until("the answers", 5_000, () => lengths.length === 4 || undefined);
    expect(lengths).toEqual([0, 1, 1_472, 65_507]);
    client.close();
    server.close();
  },
);
