/** Clients of the agent's DNS over TCP that hold places without asking: none takes them from others, or for ever. */
import { expect, test } from "bun:test";
import { connect as dial } from "node:net";
import { once } from "node:events";
import { type NameServer, serveNames } from "../../../../src/agent/names/dns-server.ts";
import { encodeDatagram } from "../../../../src/protocol/datagram.ts";
import { questionAbout } from "../../../support/fake-dns.ts";

const question = encodeDatagram(questionAbout("host.docker.internal"));

/** A client from one of the loopback addresses, and how it ends. */
async function client(port: number, localAddress: string) {
  const socket = dial({ host: "127.0.0.1", port, localAddress });
  const closed = Promise.withResolvers<"closed">();
  socket.on("error", () => {}).on("close", () => closed.resolve("closed"));
  await once(socket, "connect");
  const answer = Promise.withResolvers<"answered">();
  socket.on("data", () => answer.resolve("answered"));
  return { socket, closed: closed.promise, ended: Promise.race([closed.promise, answer.promise]) };
}

/** How a question of a new client's ends. */
async function endOfQuestion(port: number, localAddress: string): Promise<"answered" | "closed"> {
  const { socket, ended } = await client(port, localAddress);
  socket.write(question);
  return await ended;
}

async function names(limits: { readonly idleMs?: number } = {}): Promise<NameServer> {
  const nobody = async () => Promise.reject(new Error("nobody asks"));
  return await serveNames({ hostname: "127.0.0.1", port: 0 }, nobody, () => {}, limits);
}

test.skipIf(process.platform !== "linux")("silent clients of one address leave places for all others", async () => {
  const server = await names();
  const silent = [];
  for (let index = 0; index < 8; index += 1) silent.push(await client(server.port, "127.0.0.1"));
  expect(await endOfQuestion(server.port, "127.0.0.1")).toBe("closed");
  for (let index = 0; index < 32; index += 1) {
    expect(await endOfQuestion(server.port, `127.0.0.${index + 2}`)).toBe("answered");
  }
  // A place that is left is another client's.
  silent[0]?.socket.end();
  await silent[0]?.closed;
  expect(await endOfQuestion(server.port, "127.0.0.1")).toBe("answered");
  server.close();
});

test.skipIf(process.platform !== "linux")(
  "clients of many addresses hold 128 places together, and no more",
  async () => {
    const server = await names();
    const silent = [];
    for (let index = 0; index < 128; index += 1) silent.push(await client(server.port, `127.0.0.${2 + (index % 32)}`));
    expect(await endOfQuestion(server.port, "127.0.0.1")).toBe("closed");
    silent[0]?.socket.end();
    await silent[0]?.closed;
    expect(await endOfQuestion(server.port, "127.0.0.1")).toBe("answered");
    server.close();
  },
);

test("a client that sends a byte now and then, and no question, is hung up on", async () => {
  const server = await names({ idleMs: 300 });
  const { socket, closed } = await client(server.port, "127.0.0.1");
  const drip = setInterval(() => socket.write(Buffer.from([1])), 50);
  try {
    const late = Bun.sleep(5_000).then(() => "still there");
    expect(await Promise.race([closed, late])).toBe("closed");
  } finally {
    clearInterval(drip);
    server.close();
  }
});
