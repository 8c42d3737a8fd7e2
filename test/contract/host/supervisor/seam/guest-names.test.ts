/** The stream of names of links that come and go, to an agent that ends nothing itself. */
import { expect, test } from "bun:test";
import { GuestNames } from "../../../../../src/host/supervisor/seam/guest-names.ts";
import { LineReader } from "../../../../../src/protocol/frame.ts";
import { connect, type Connection, listen } from "../../../../../src/system/net/connection.ts";
import { linesOf } from "../../../../../src/system/net/lines.ts";
import { until } from "../../../../support/until.ts";

/** What the agent says to a request for the stream; nothing, ever, is something too. */
const answers = { opens: '{"ok":true}\n', refuses: '{"ok":false,"reason":"no"}\n', "says nothing": "" } as const;

for (const [how, answer] of Object.entries(answers)) {
  test(`links leave no stream behind, however often they are lost, where the agent ${how}`, async () => {
    const open = new Set<Connection>();
    let begun = 0;
    const agent = listen({ hostname: "127.0.0.1", port: 0 }, (connection) => {
      open.add(connection);
      connection.take({
        onData() {
          begun += 1;
          if (answer !== "") connection.write(answer);
        },
        onClose: () => open.delete(connection),
      });
    });
    const newLink = () => ({
      pool: {
        async take() {
          const connection = await connect({ hostname: "127.0.0.1", port: agent.port });
          return { connection, lines: linesOf(connection, new LineReader()) };
        },
      },
    });
    let link: ReturnType<typeof newLink> | undefined;
    const names = new GuestNames({ answer: async (question) => question, log: () => {} }, () => link);
    for (let round = 1; round <= 20; round += 1) {
      link = newLink();
      void names.serve(link);
      await until("a stream that is asked for", 10_000, () => begun === round || undefined);
      link = undefined;
      names.lost();
    }
    await until("their end", 10_000, () => open.size === 0 || undefined);
    agent.closeAll();
    expect(begun).toBe(20);
  });
}
