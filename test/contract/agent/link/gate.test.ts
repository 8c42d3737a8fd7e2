/** The gate against those who must not come through it: strangers, knockers, and senders of garbage. */
import { expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { PortTable } from "../../../../src/agent/ports/port-table.ts";
import { dial } from "../../../../src/host/gate/dial.ts";
import { encode } from "../../../../src/protocol/frame.ts";
import { respond } from "../../../../src/protocol/handshake.ts";
import { listen } from "../../../../src/system/net/connection.ts";
import { realGate } from "../../../support/gates.ts";
import { listenSomewhere, receive } from "../../../support/streams.ts";
import { freePort } from "../../../support/until.ts";
import { expectUnharmed, headOf, knock, piece, watchedGate } from "../../../support/watched-gate.ts";

test("whoever does not know the secret is hung up on and reaches nothing", async () => {
  await using watched = await watchedGate();
  const { connection, received } = await knock(watched.gate);
  await received.reached(1);
  const challenge = received.whole.toString().trim();
  const { nonce, proof } = respond(challenge, randomBytes(32), randomBytes(32));
  // The request right behind the wrong proof, in one packet.
  connection.write(encode({ nonce, proof }) + encode({ open: "docker" }));
  expect(await received.closed).toBe("ECONNRESET");
  expect(received.whole.toString().trim()).toBe(challenge);
  await expectUnharmed(watched);
});

test("a stream's first bytes may come in one packet with its request", async () => {
  await using watched = await watchedGate();
  const { connection, lines } = await dial(watched.gate.key);
  connection.write(encode({ open: "docker" }) + piece("early\n"));
  expect([await lines.next(), await lines.next()]).toEqual(['{"ok":true}', `${headOf(6)}early`]);
  connection.reset();
});

test("a stream to a port is not refused before the agent knows what is published", async () => {
  await using server = await listenSomewhere("tcp", () => {});
  const table = new PortTable(() => undefined);
  table.keepSilent();
  const asked = Promise.withResolvers<void>();
  const beforePort = async (): Promise<void> => {
    asked.resolve();
    await table.known();
  };
  const port = { protocol: "tcp", hostIp: "", hostPort: 80 } as const;
  const addressOf = () => table.find(port) ?? { hostname: "127.0.0.1", port: 1 };
  using gate = realGate({ beforePort, addressOf });
  const { connection, lines } = await dial(gate.key);
  connection.write(encode({ open: "port", ...port }));
  await asked.promise;
  const target = { hostname: "127.0.0.1", port: server.listener.port };
  table.setPublished([{ ...port, containerId: "c1", container: "web", target }]);
  expect(await lines.next()).toBe('{"ok":true}');
  connection.reset();
});

test("a stream to a port waits for what is just starting to listen, and is refused at once by what is not", async () => {
  const port = await freePort();
  const target = { hostname: "127.0.0.1", port };
  const tried = Promise.withResolvers<void>();
  let isStarting = true;
  using gate = realGate({
    addressOf: () => target,
    isStarting: () => {
      tried.resolve();
      return isStarting;
    },
  });
  const open = encode({ open: "port", protocol: "tcp", hostIp: "", hostPort: 80 });
  const { connection, lines } = await dial(gate.key);
  connection.write(open);
  await tried.promise;
  const server = listen(target, () => {});
  expect(await lines.next()).toBe('{"ok":true}');
  connection.reset();
  server.closeAll();
  isStarting = false;
  const late = await dial(gate.key);
  late.connection.write(open);
  expect(await late.lines.next()).toBe('{"ok":false,"reason":"Failed to connect"}');
});

test("the control connection is handed over with what came behind its request", async () => {
  await using watched = await watchedGate();
  const { connection } = await dial(watched.gate.key);
  const { closed } = receive(connection);
  connection.write(`${encode({ open: "control" })}{"type":"hello"}\n`);
  await closed;
  expect([watched.controls, watched.opened]).toEqual([['{"type":"hello"}\n'], []]);
});

test("what only knocks is hung up on at the deadline", async () => {
  await using watched = await watchedGate({ handshakeDeadlineMs: 1_000 });
  const { received } = await knock(watched.gate);
  expect(await received.closed).toBe("ECONNRESET");
  expect(received.whole.toString()).toMatch(/^\{"qn":1,"nonce":"[0-9a-f]{64}"\}\n$/);
  await expectUnharmed(watched);
});

test("a connection that has proven itself may wait for its use as long as it likes", async () => {
  await using watched = await watchedGate({ handshakeDeadlineMs: 1_000 });
  const { connection, lines } = await dial(watched.gate.key);
  // Somebody who knocks later, and is hung up on at the deadline: by then the first one's has passed.
  await (
    await knock(watched.gate)
  ).received.closed;
  connection.write(encode({ open: "docker" }));
  expect(await lines.next()).toBe('{"ok":true}');
});

test("of more than 64 who only knock the oldest are hung up on, and who can prove himself comes in at once", async () => {
  await using watched = await watchedGate();
  const knockers = [];
  for (let index = 0; index < 80; index += 1) {
    const knocker = await knock(watched.gate);
    await knocker.received.reached(1);
    knockers.push(knocker);
  }
  const oldest = await Promise.all(knockers.slice(0, 16).map(({ received }) => received.closed));
  expect(oldest).toEqual(oldest.map(() => "ECONNRESET"));
  // All places are taken, and stay so until he has come; by then one more of the oldest has gone.
  await expectUnharmed(watched);
  expect(knockers.map(({ connection }) => connection.isClosed)).toEqual(knockers.map((_, index) => index < 17));
});

test("who has proven himself is no caller any more, whoever knocks afterwards", async () => {
  await using watched = await watchedGate();
  const { connection, lines } = await dial(watched.gate.key);
  for (let index = 0; index < 80; index += 1) await (await knock(watched.gate)).received.reached(1);
  connection.write(encode({ open: "docker" }));
  expect(await lines.next()).toBe('{"ok":true}');
  connection.reset();
});

const garbage: Readonly<Record<string, Uint8Array>> = {
  "an empty line": Buffer.from("\n"),
  "a web request": Buffer.from("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
  "a TLS greeting": Buffer.from("16030100c8010000c40303".repeat(4), "hex"),
  zeros: Buffer.alloc(4096),
  "line ends only": Buffer.alloc(4096, "\n"),
  "an endless line": Buffer.alloc(1024 ** 2, "x"),
  "half a message": Buffer.from('{"nonce":"'),
  "a deep structure": Buffer.from(`${"[".repeat(500)}\n`),
  "a message of another kind": Buffer.from('{"open":"docker"}\n'),
  "a proof that is no text": Buffer.from('{"nonce":{},"proof":[]}\n'),
  "a prototype": Buffer.from('{"__proto__":{"nonce":"","proof":""}}\n'),
};

for (const [name, bytes] of Object.entries(garbage)) {
  test(`${name} instead of a proof opens nothing and breaks nothing`, async () => {
    await using watched = await watchedGate();
    const { connection, received } = await knock(watched.gate);
    connection.write(bytes);
    connection.end();
    await received.closed;
    await expectUnharmed(watched);
  });
}

test("a line of more than 512 bytes is hung up on before it ends, and one of 512 is not", async () => {
  await using watched = await watchedGate();
  const long = await knock(watched.gate);
  await long.received.reached(1);
  long.connection.write("x".repeat(513));
  expect(await long.received.closed).toBe("ECONNRESET");
  const short = await knock(watched.gate);
  await short.received.reached(1);
  short.connection.write("x".repeat(512));
  // Whoever comes behind has been let in by then, and the short one still stands.
  await expectUnharmed(watched);
  expect(short.connection.isClosed).toBe(false);
  short.connection.reset();
});

test("a right proof that is cut anywhere opens nothing, also when the rest never comes", async () => {
  await using watched = await watchedGate();
  for (let cut = 0; cut < 160; cut += 7) {
    const { connection, received } = await knock(watched.gate);
    await received.reached(1);
    const { nonce, proof } = respond(received.whole.toString().trim(), watched.gate.key.secret, randomBytes(32));
    connection.write(encode({ nonce, proof }).slice(0, cut));
    connection.end();
    await received.closed;
  }
  await expectUnharmed(watched);
});

test("300 callers who send what chance makes up open nothing", async () => {
  await using watched = await watchedGate();
  const open = encode({ open: "docker" });
  for (let index = 0; index < 300; index += 1) {
    const { connection, received } = await knock(watched.gate);
    const bytes = randomBytes(1 + (index % 97) * 8);
    connection.write(index % 3 === 0 ? Buffer.concat([bytes, Buffer.from(`\n${open}`)]) : bytes);
    if (index % 2 === 0) connection.end();
    else connection.reset();
    if (index % 2 === 0) await received.closed;
  }
  await expectUnharmed(watched);
});

test("who has proven itself and asks for what this agent does not know is refused in words", async () => {
  await using watched = await watchedGate();
  const requests = ['{"open":"shell"}', '{"open":"port","protocol":"sctp","hostIp":"","hostPort":1}'];
  for (const request of requests) {
    const { connection, lines } = await dial(watched.gate.key);
    connection.write(`${request}\n`);
    expect(await lines.next()).toStartWith('{"ok":false,"reason":"The open request is ');
    connection.reset();
  }
  await expectUnharmed(watched);
});

test("who has proven itself and then sends what is no request is hung up on", async () => {
  await using watched = await watchedGate();
  for (const request of ["{]", "x".repeat(2000), '{"close":1}']) {
    const { connection } = await dial(watched.gate.key);
    const { closed } = receive(connection);
    connection.write(`${request}\n`);
    expect(await closed).toBe("ECONNRESET");
  }
  await expectUnharmed(watched);
});
