/** The gate against what chance makes of its own words: nothing opens, nothing breaks, nobody stays. */
import { expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { dial } from "../../../../src/host/gate/dial.ts";
import { encode } from "../../../../src/protocol/frame.ts";
import { respond } from "../../../../src/protocol/handshake.ts";
import type { Open } from "../../../../src/protocol/stream-request.ts";
import { pieces } from "../../../../src/protocol/piece.ts";
import { listen } from "../../../../src/system/net/connection.ts";
import { type Chance, testWithChance } from "../../../support/chance.ts";
import { failureOf } from "../../../support/failures.ts";
import { realGate } from "../../../support/gates.ts";
import { listenSomewhere, receive } from "../../../support/streams.ts";
import { expectUnharmed, knock, watchedGate } from "../../../support/watched-gate.ts";

const openDocker: Open = { open: "docker" };

/** What somebody says who has seen a challenge: never a right proof. */
const lies: readonly ((chance: Chance, challenge: string, seenProofs: readonly string[]) => Uint8Array)[] = [
  (chance) => chance.bytes(1 + chance.below(900)),
  (chance) => Buffer.concat([chance.bytes(1 + chance.below(200)), Buffer.from("\n")]),
  // The challenge sent back, as it is or spoilt.
  (_chance, challenge) => Buffer.from(`${challenge}\n`),
  (chance, challenge) => Buffer.concat([chance.spoil(Buffer.from(challenge)), Buffer.from("\n")]),
  // A proof that was right for somebody else's challenge.
  (chance, _challenge, seenProofs) => Buffer.from(chance.pick(seenProofs)),
  // The form of a proof with the wrong secret.
  (chance, challenge) => {
    const { nonce, proof } = respond(challenge, chance.bytes(32), chance.bytes(32));
    return Buffer.from(encode({ nonce, proof }));
  },
  // A line that never ends.
  (chance) => Buffer.alloc(1024 + chance.below(100_000), chance.pick(["a", "{", '"', "\\"])),
];

testWithChance("400 liars reach nothing, whatever they send behind their lie", async (chance) => {
  await using watched = await watchedGate();
  const { key } = watched.gate;
  const seenProofs: string[] = [];
  for (let index = 0; index < 5; index += 1) {
    const { connection, received } = await knock(watched.gate);
    await received.reached(1);
    const { nonce, proof } = respond(received.whole.toString().trim(), key.secret, randomBytes(32));
    seenProofs.push(encode({ nonce, proof }));
    connection.reset();
  }
  for (let index = 0; index < 400; index += 1) {
    const { connection, received } = await knock(watched.gate);
    await received.reached(1);
    const challenge = received.whole.toString().trim();
    connection.write(chance.pick(lies)(chance, challenge, seenProofs));
    connection.write(encode(openDocker));
    if (chance.below(2) === 0) connection.end();
    else connection.reset();
    await received.closed;
    expect(received.whole.toString().trim()).toBe(challenge);
  }
  await expectUnharmed(watched);
});

testWithChance("a right proof with one thing spoilt opens nothing", async (chance) => {
  await using watched = await watchedGate();
  for (let index = 0; index < 200; index += 1) {
    const { connection, received } = await knock(watched.gate);
    await received.reached(1);
    const { nonce, proof } = respond(received.whole.toString().trim(), watched.gate.key.secret, randomBytes(32));
    const right = encode({ nonce, proof });
    // Turned-over bits within both numbers: any other spoilt letter may still be read as the same JSON.
    const digits = chance.pick([right.indexOf(nonce), right.indexOf(proof)]);
    const spoilt = Buffer.from(right);
    const at = digits + chance.below(64);
    spoilt[at] = (spoilt[at] ?? 0) ^ (1 << chance.below(8));
    connection.write(spoilt);
    connection.write(encode(openDocker));
    await received.closed;
  }
  await expectUnharmed(watched);
});

test("who sends one byte after the other is hung up on at the deadline all the same", async () => {
  await using watched = await watchedGate({ handshakeDeadlineMs: 1_000 });
  const { connection, received } = await knock(watched.gate);
  const drip = setInterval(() => connection.write("x"), 5);
  expect(await received.closed).toBe("ECONNRESET");
  clearInterval(drip);
  await expectUnharmed(watched);
});

testWithChance("requests that chance makes of right ones open only what they say", async (chance) => {
  const requests: readonly Open[] = [
    openDocker,
    { open: "port", protocol: "tcp", hostIp: "0.0.0.0", hostPort: 80 },
    { open: "control" },
  ];
  const opened: Open[] = [];
  using gate = realGate({
    addressOf: (open) => {
      opened.push(open);
      throw new Error("Nobody serves that.");
    },
  });
  for (let index = 0; index < 200; index += 1) {
    const { connection } = await dial(gate.key);
    const { closed } = receive(connection);
    connection.write(chance.spoil(Buffer.from(encode(chance.pick(requests)))));
    connection.end();
    await closed;
  }
  for (const open of opened) {
    if (open.open !== "port") expect(open).toEqual({ open: "docker" });
    else expect([open.hostPort > 0, open.hostPort < 65_536]).toEqual([true, true]);
  }
  (await dial(gate.key)).connection.reset();
});

testWithChance("pieces that chance makes reach the server as they are or break their own stream", async (chance) => {
  let most = 0;
  await using server = await listenSomewhere("tcp", (connection) => {
    const received = receive(connection);
    const atEnd = async (): Promise<void> => {
      await received.ended;
      most = Math.max(most, received.bytes);
      connection.end();
    };
    void atEnd();
  });
  using gate = realGate({ addressOf: () => server.address });
  for (let index = 0; index < 150; index += 1) {
    const { connection, lines } = await dial(gate.key);
    connection.write(encode(openDocker));
    expect(await lines.next()).toBe('{"ok":true}');
    lines.release();
    const { closed } = receive(connection);
    connection.resume();
    const right = Buffer.concat([...pieces.encode(chance.bytes(1 + chance.below(2000))), pieces.end]);
    connection.write(
      chance.pick([chance.spoil(right), chance.bytes(500), right.subarray(0, chance.below(right.length))]),
    );
    connection.end();
    await closed;
  }
  expect(most).toBeLessThanOrEqual(2500);
  const { connection, lines } = await dial(gate.key);
  connection.write(encode(openDocker));
  expect(await lines.next()).toBe('{"ok":true}');
  connection.reset();
});

testWithChance("a stranger in the gate's place gets no stream from the host, only an error", async (chance) => {
  const secret = randomBytes(32);
  const heard: string[] = [];
  for (let index = 0; index < 100; index += 1) {
    const challenge = encode({ qn: 1, nonce: chance.bytes(32).toString("hex") });
    const said = chance.pick([
      chance.bytes(1 + chance.below(400)),
      Buffer.from(challenge),
      Buffer.from(`${challenge}${encode({ proof: chance.bytes(32).toString("hex") })}`),
      chance.spoil(Buffer.from(challenge)),
      Buffer.alloc(2_000_000, "x"),
    ]);
    const listener = listen({ hostname: "127.0.0.1", port: 0 }, (connection) => {
      const received = receive(connection);
      connection.write(said);
      connection.end();
      void received.ended.then(() => heard.push(received.whole.toString()));
    });
    const { code } = await failureOf(() => dial({ port: listener.port, secret }));
    expect(["LINK_REFUSED", "PROTOCOL"]).toContain(code);
    listener.closeAll();
  }
  expect(heard.filter((text) => text.includes("open") || text.includes(secret.toString("hex")))).toEqual([]);
});
