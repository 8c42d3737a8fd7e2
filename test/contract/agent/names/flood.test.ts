/** Containers that ask the agent's DNS over TCP and never read: it holds little, hangs up on them, and answers all others. */
import { expect, test } from "bun:test";
import { Resolver } from "node:dns/promises";
import { join } from "node:path";
import { encodeDatagram } from "../../../../src/protocol/datagram.ts";
import { connect } from "../../../../src/system/net/connection.ts";
import { converse } from "../../../support/conversation.ts";
import { questionAbout } from "../../../support/fake-dns.ts";
import { floodedWith, repeated } from "../../../support/flooding-agent.ts";
import { repository } from "../../../support/program.ts";
import type { Said } from "../../../support/name-server-run.ts";
import { residentMiB } from "../../../support/resident.ts";

/** As many as the agent takes at once of one address. */
const clients = 8;
const floodMs = 3_000;
const questions = repeated(encodeDatagram(questionAbout("flood.test")));

test.skipIf(process.platform !== "linux")(
  "clients that ask over TCP without end and read nothing do not make the agent large",
  async () => {
    await using agent = converse([process.execPath, join(repository, "test/support/name-server-run.ts")]);
    const first: Said = await agent.nextLine();
    const port = Number(first);
    const other = new Resolver({ timeout: 10_000, tries: 1 });
    other.setServers([`127.0.0.1:${port}`]);
    expect(await other.resolve4("host.docker.internal")).toEqual(["10.0.2.2"]);
    const restMiB = await residentMiB(agent.pid);
    let cut = 0;
    let isOver = false;
    const flood = async (): Promise<void> => {
      const connection = await connect({ hostname: "127.0.0.1", port });
      connection.amend({
        onClose: () => {
          cut += 1;
          if (!isOver) void flood();
        },
      });
      floodedWith(connection, questions);
    };
    await Promise.all(Array.from({ length: clients }, flood));
    let mostMiB = restMiB;
    for (const startMs = performance.now(); performance.now() - startMs < floodMs;) {
      mostMiB = Math.max(mostMiB, await residentMiB(agent.pid));
      expect(await other.resolve4("host.docker.internal")).toEqual(["10.0.2.2"]);
      await Bun.sleep(50);
    }
    isOver = true;
    console.log(`agent's DNS: ${restMiB.toFixed(0)} -> ${mostMiB.toFixed(0)} MiB, ${cut} clients hung up on`);
    expect(mostMiB / restMiB).toBeLessThan(3);
    // However many were hung up on, the log has one line of it.
    expect(await agent.nextLine()).toContain("a client over TCP is hung up on: The other side does not read");
  },
  60_000,
);
