/** The supervisor's own door to sshd: how many it carries, whoever they are, and whom it forgets. */
import { expect, test } from "bun:test";
import { Gateway } from "../../../../../src/host/gate/gateway.ts";
import { SshDoor } from "../../../../../src/host/supervisor/suspend/ssh-door.ts";
import { connect, type Connection, listen } from "../../../../../src/system/net/connection.ts";
import { freePort, until } from "../../../../support/until.ts";

/** A door with two places, and an sshd behind it that says its first word to each. */
async function doorOfTwo() {
  const [port, forwardPort] = [await freePort(), await freePort()];
  const sshd = listen({ hostname: "127.0.0.1", port: forwardPort }, (client) => {
    client.take({ onEnd: () => client.end() });
    client.write("SSH-2.0-x\r\n");
  });
  const gateway = new Gateway();
  const logged: string[] = [];
  const tell = (text: string): void => void logged.push(text);
  const door = new SshDoor(gateway, { warn: tell, log: tell }, 2);
  door.leadTo(forwardPort);
  door.open(port);
  return {
    gateway,
    logged,
    door,
    port,
    [Symbol.dispose]() {
      door.close();
      gateway.close();
      sshd.closeAll();
    },
  };
}

/** A client, and what it hears first: sshd's word, or that it is hung up on. */
async function client(port: number): Promise<{ readonly connection: Connection; readonly first: Promise<string> }> {
  const connection = await connect({ hostname: "127.0.0.1", port });
  const { promise: first, resolve } = Promise.withResolvers<string>();
  connection.take({
    onData: (bytes) => resolve(Buffer.from(bytes).toString().trim()),
    onClose: () => resolve("hung up on"),
  });
  return { connection, first };
}

test("as many clients as it has places are carried, the next is hung up on, and a place that is left is another's", async () => {
  using scene = await doorOfTwo();
  const one = await client(scene.port);
  const other = await client(scene.port);
  expect([await one.first, await other.first]).toEqual(["SSH-2.0-x", "SSH-2.0-x"]);
  expect(await (await client(scene.port)).first).toBe("hung up on");
  one.connection.end();
  // The door hears of that in its own time.
  await until("a place", 10_000, async () => {
    return (await (await client(scene.port)).first) === "SSH-2.0-x" ? true : undefined;
  });
  expect(scene.logged).toEqual([]);
  other.connection.reset();
});

test("a client that goes before the guest is awake leaves its place, without a word", async () => {
  using scene = await doorOfTwo();
  const { promise: knockedOnce, resolve: onKnock } = Promise.withResolvers<void>();
  let knocks = 0;
  scene.gateway.rest(() => {
    knocks += 1;
    if (knocks === 2) onKnock();
  });
  const waiting = [await client(scene.port), await client(scene.port)];
  await knockedOnce;
  expect(await (await client(scene.port)).first).toBe("hung up on");
  for (const { connection } of waiting) connection.reset();
  // The door hears of that in its own time.
  await until("a place", 10_000, async () => {
    const { connection, first } = await client(scene.port);
    void first.then(() => connection.reset());
    return knocks > 2 ? true : undefined;
  });
  expect(scene.logged).toEqual([]);
});
