/** Sockets of this machine for clients in the guest, through a real gate; the guest is correct, slow, many and hostile. */
import { expect, test } from "bun:test";
import { rename, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { type Connection, connect } from "../../../../src/system/net/connection.ts";
import { socketScene } from "../../../support/socket-scene.ts";
import { answerAtEnd, askToEnd, payload, receive, send, sumOf } from "../../../support/streams.ts";

const mebibyte = 1024 ** 2;

/** Answers with what came once its client has ended, and ends. */
async function echo(connection: Connection): Promise<void> {
  const received = receive(connection);
  await received.ended;
  await send(connection, received.whole);
  connection.end();
}

/** Says something at the socket in the container; what came back until the end. */
async function say(path: string, words: string): Promise<string> {
  return await speak(await connect({ unix: path }), words);
}

async function speak(client: Connection, words: string): Promise<string> {
  const received = receive(client);
  client.write(words);
  client.end();
  await received.closed;
  return received.whole.toString();
}

test("a client that ends its direction first hears all that the server says after that", async () => {
  await using it = await socketScene();
  const [up, down] = [payload(2 * mebibyte), payload(3 * mebibyte)];
  const heard = Promise.withResolvers<string>();
  it.serve(it.path, (connection) => {
    void answerAtEnd(connection, down, heard.resolve);
  });
  const client = await connect({ unix: it.inContainer });
  const received = await askToEnd(client, up);
  expect(await heard.promise).toBe(sumOf(up));
  expect(sumOf(received.whole)).toBe(sumOf(down));
});

test("a server that speaks first and ends first hears all that the client says after that", async () => {
  await using it = await socketScene();
  const [up, down] = [payload(3 * mebibyte), payload(2 * mebibyte)];
  const heard = Promise.withResolvers<string>();
  it.serve(it.path, (connection) => {
    const received = receive(connection);
    void send(connection, down).then(() => connection.end());
    void received.ended.then(() => heard.resolve(sumOf(received.whole)));
  });
  const client = await connect({ unix: it.inContainer });
  const received = receive(client);
  await received.ended;
  expect(sumOf(received.whole)).toBe(sumOf(down));
  await send(client, up);
  client.end();
  expect(await heard.promise).toBe(sumOf(up));
});

test("a client that does not read stops the server, and gets everything once it reads", async () => {
  await using it = await socketScene();
  const down = payload(64 * mebibyte);
  let taken = 0;
  const isFull = Promise.withResolvers<void>();
  it.serve(it.path, (connection) => {
    connection.take({ onDrain: () => pour() });
    const pour = (): void => {
      while (taken < down.length) {
        const piece = down.subarray(taken, taken + 65_536);
        taken += piece.length;
        if (connection.write(piece)) continue;
        // Two mebibytes are more than what the buffers of kernels take that the first pieces went through at once.
        if (taken > 2 * mebibyte) isFull.resolve();
        return;
      }
      connection.end();
    };
    pour();
  });
  const client = await connect({ unix: it.inContainer });
  const received = receive(client);
  client.pause();
  await isFull.promise;
  expect(taken).toBeLessThan(down.length);
  client.resume();
  await received.ended;
  expect(sumOf(received.whole)).toBe(sumOf(down));
});

test("a server that closes its socket whole has said all, to a client that reads later too", async () => {
  await using it = await socketScene();
  // As much as the kernel takes at once: nothing of it is left behind in this process.
  const down = payload(100_000);
  it.serve(it.path, (connection) => {
    connection.write(down);
    setImmediate(() => connection.reset());
  });
  const client = await connect({ unix: it.inContainer });
  const received = receive(client);
  await received.ended;
  client.end();
  expect([sumOf(received.whole), await received.closed]).toEqual([sumOf(down), undefined]);
});

test("a client that closes its socket whole has its server's connection broken off, which still sends", async () => {
  await using it = await socketScene();
  const isOver = Promise.withResolvers<void>();
  it.serve(it.path, (connection) => {
    const pour = (): void => {
      while (!connection.isClosed && connection.write(Buffer.alloc(65_536)));
    };
    connection.take({ onDrain: pour, onClose: () => isOver.resolve() });
    pour();
  });
  const client = await connect({ unix: it.inContainer });
  await receive(client).reached(100_000);
  client.reset();
  await isOver.promise;
});

test("a name that the settings do not have is refused, whatever listens at it", async () => {
  await using it = await socketScene();
  const seen: string[] = [];
  const other = join(it.folder, "other.sock");
  it.serve(other, () => seen.push("other"));
  it.serve(it.path, () => seen.push("s"));
  for (const [client, name] of [other, it.path, "ssh-agent", "", "../s.sock", "S"].entries()) it.ask(name, client);
  expect(it.answers).toEqual([0, 1, 2, 3, 4, 5].map((refused) => ({ type: "socket", refused })));
  expect([seen, it.warnings]).toEqual([[], []]);
});

test("another socket that a guest has put at the name, or a link to it, hears nothing of its clients", async () => {
  await using it = await socketScene();
  const heard: string[] = [];
  const closed: Promise<unknown>[] = [];
  const other = join(it.folder, "other.sock");
  it.serve(other, (connection) => {
    const received = receive(connection);
    closed.push(received.closed.then(() => heard.push(received.whole.toString())));
  });
  await symlink("other.sock", it.path);
  expect(await say(it.inContainer, "a secret")).toBe("");
  await rm(it.path);
  await rename(other, it.path);
  expect(await say(it.inContainer, "a secret")).toBe("");
  await Promise.all(closed);
  expect(heard).toEqual(["", ""]);
  const name = "/other.sock, which is the name to put into files.sockets";
  expect(it.warnings).toEqual([
    `A container cannot connect to the socket /s.sock. What listens there has bound its socket to ${name}.`,
  ]);
});

test("where nobody listens a client's connection ends, a person is told once, and one that listens later is reached", async () => {
  await using it = await socketScene();
  for (let tries = 0; tries < 3; tries += 1) expect(await say(it.inContainer, "hello")).toBe("");
  expect(it.warnings).toEqual(["A container cannot connect to the socket /s.sock. Nobody listens there."]);
  it.serve(it.path, (connection) => void echo(connection));
  expect(await say(it.inContainer, "hello")).toBe("hello");
});

test("a client that has gone before its turn is brought to nobody", async () => {
  await using it = await socketScene({ carriedMax: 1 });
  const first = Promise.withResolvers<Connection>();
  const ends: Promise<string | undefined>[] = [];
  it.serve(it.path, (connection) => {
    ends.push(receive(connection).closed);
    first.resolve(connection);
  });
  const holder = await connect({ unix: it.inContainer });
  const server = await first.promise;
  // An agent that has the secret asks for clients that are not there.
  for (let client = 100; client < 120; client += 1) it.ask("s", client);
  holder.end();
  server.end();
  // One after the other they are dialled, refused by the agent, and let go.
  while (ends.length < 21) await Bun.sleep(1);
  await Promise.all(ends);
  expect(it.answers).toEqual([]);
});

test("2,000 clients of which 400 come at once are all served, and so is the next one", async () => {
  await using it = await socketScene({ carriedMax: 32 });
  let most = 0;
  let open = 0;
  it.serve(it.path, (connection) => {
    open += 1;
    most = Math.max(most, open);
    const answer = async (): Promise<void> => {
      const received = receive(connection);
      await received.ended;
      open -= 1;
      connection.write(received.whole);
      connection.end();
    };
    void answer();
  });
  for (let round = 0; round < 5; round += 1) {
    const words = Array.from({ length: 400 }, (_, index) => `${round} ${index}`);
    expect(await Promise.all(words.map((word) => say(it.inContainer, word)))).toEqual(words);
  }
  expect(await say(it.inContainer, "the next one")).toBe("the next one");
  expect(most).toBeLessThanOrEqual(33);
  expect(it.warnings).toEqual([]);
});

test("of more clients than may wait those that are too many are hung up on, and the others served", async () => {
  await using it = await socketScene({ carriedMax: 8 });
  const held: Connection[] = [];
  let isHolding = true;
  it.serve(it.path, (connection) => {
    if (isHolding) held.push(connection);
    void echo(connection);
    if (isHolding) connection.pause();
  });
  const all: Promise<string>[] = [];
  // One after the other: what the kernel turns away is no matter of this test.
  for (let index = 0; index < 700; index += 1) all.push(speak(await connect({ unix: it.inContainer }), `${index}`));
  expect(await Promise.race(all)).toBe("");
  isHolding = false;
  while (held.length < 8) await Bun.sleep(1);
  for (const connection of held) connection.resume();
  const answers = await Promise.all(all);
  const served = answers.filter((answer, index) => answer === `${index}`).length;
  expect(answers.filter((answer) => answer === "").length).toBe(700 - served);
  expect(served).toBeGreaterThanOrEqual(512);
  expect(await say(it.inContainer, "afterwards")).toBe("afterwards");
});

test("a client that no host brings on is let go of after a while", async () => {
  await using it = await socketScene({ carriedMax: 0, patienceMs: 10 });
  it.serve(it.path, (connection) => void echo(connection));
  expect(await say(it.inContainer, "hello")).toBe("");
  expect(() => it.listeners.take(1)).toThrow("The client has gone.");
});

test("a socket in a mount that the settings do not have is told of once, and nothing else that a guest names", async () => {
  await using it = await socketScene();
  const other = join(it.folder, "other.sock");
  it.serve(other, () => it.warnings.push("it was dialled"));
  await Bun.write(join(it.folder, "file"), "");
  const mounted = (name: string): void => it.host.hear({ type: "socket", name }, () => {});
  for (const name of ["/run/user/0/bus", it.path, join(it.folder, "file"), join(it.folder, "none")]) mounted(name);
  for (let times = 0; times < 3; times += 1) mounted(other);
  while (it.warnings.length === 0) await Bun.sleep(1);
  expect(it.warnings).toEqual(["remedy for /other.sock"]);
});
