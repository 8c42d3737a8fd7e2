/** Where servers of mounts bring the clients of containers' sockets: what they say, and how many there are. */
import { expect, test } from "bun:test";
import { lstat } from "node:fs/promises";
import { join } from "node:path";
import { QnError } from "../../../../src/base/errors.ts";
import { openMountSocket } from "../../../../src/host/gate/mount-sockets.ts";
import { Gateway } from "../../../../src/host/gate/gateway.ts";
import { GatePool } from "../../../../src/host/gate/pool.ts";
import type { MountSocket } from "../../../../src/protocol/mount-sockets.ts";
import { type Connection, connect, listen } from "../../../../src/system/net/connection.ts";
import { newFolder } from "../../../support/folder.ts";
import { realGate } from "../../../support/gates.ts";
import { receive, send } from "../../../support/streams.ts";

/** The socket, and an agent behind it that reaches an echo whatever it is asked for, but "gone". */
async function inScene(use: (path: string, refusals: string[], asked: MountSocket[]) => Promise<void>): Promise<void> {
  await using home = await newFolder();
  using ends = new DisposableStack();
  const [path, server] = [join(home.path, "mount.sock"), join(home.path, "server.sock")];
  const [refusals, asked]: [string[], MountSocket[]] = [[], []];
  const echo = async (connection: Connection): Promise<void> => {
    const received = receive(connection);
    await received.ended;
    await send(connection, received.whole);
    connection.end();
  };
  ends.adopt(
    listen({ unix: server }, (connection) => void echo(connection)),
    (each) => each.closeAll(),
  );
  const gate = ends.use(
    realGate({
      async reachMountSocket(socket) {
        asked.push({ tag: socket.tag, path: socket.path });
        if (socket.path === "gone") throw new QnError("LINK_REFUSED", "Nobody listens there.");
        return await connect({ unix: server });
      },
    }),
  );
  const gateway = ends.adopt(new Gateway(), (each) => each.close());
  gateway.use(ends.adopt(new GatePool(gate.key), (each) => each.close()));
  ends.adopt(
    openMountSocket(path, gateway, (reason) => refusals.push(reason)),
    (each) => each.closeAll(),
  );
  await use(path, refusals, asked);
}

async function say(path: string, words: string): Promise<string> {
  const client = await connect({ unix: path });
  const received = receive(client);
  client.write(words);
  client.end();
  await received.closed;
  return received.whole.toString();
}

test("a client is brought on by the line before its bytes, and the socket is its owner's alone", async () => {
  await inScene(async (path, refusals, asked) => {
    expect((await lstat(path)).mode & 0o777).toBe(0o600);
    expect(await say(path, '{"tag":"qn0","path":"a/s"}\nhello')).toBe("hello");
    expect([asked, refusals]).toEqual([[{ tag: "qn0", path: "a/s" }], []]);
  });
});

test("more clients than are served at once wait for their turn, and none is lost", async () => {
  await inScene(async (path) => {
    const line = '{"tag":"qn0","path":"s"}\n';
    const open: Connection[] = [];
    // Each waits for its server's end, which waits for its own: all of the first are served at once, and stay.
    for (let index = 0; index < 1000; index += 1) {
      const client = await connect({ unix: path });
      client.write(`${line}${index}`);
      open.push(client);
    }
    const heard = open.map(async (client) => {
      const received = receive(client);
      client.end();
      await received.closed;
      return received.whole.toString();
    });
    expect(await Promise.all(heard)).toEqual(Array.from({ length: 1000 }, (_, index) => `${index}`));
  });
}, 60_000);

test("what leads out of a mount, and what is no request, is hung up on and told of, and so is who is refused", async () => {
  await inScene(async (path, refusals, asked) => {
    const paths = ["", "/etc/passwd", "../s", "a/../s", "a//s", "./s", "a/", "a\u0000b", "x".repeat(4097)];
    for (const each of paths) expect(await say(path, `${JSON.stringify({ tag: "qn0", path: each })}\nx`)).toBe("");
    for (const line of ["nonsense\n", '{"path":"s"}\n', "x".repeat(100_000)]) expect(await say(path, line)).toBe("");
    expect(asked).toEqual([]);
    expect(refusals).toHaveLength(paths.length + 3);
    expect(await say(path, '{"tag":"qn0","path":"gone"}\nx')).toBe("");
    expect(refusals.at(-1)).toBe("Nobody listens there.");
  });
});
