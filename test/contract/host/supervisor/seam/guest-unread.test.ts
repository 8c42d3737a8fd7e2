/** Links whose other side asks and does not read, or says much at once. */
import { expect, spyOn, test } from "bun:test";
import { HostLink } from "../../../../../src/agent/link/link.ts";
import { dial } from "../../../../../src/host/gate/dial.ts";
import { linkGuest } from "../../../../../src/host/supervisor/seam/guest-link.ts";
import { encode } from "../../../../../src/protocol/frame.ts";
import type { AgentMessage } from "../../../../../src/protocol/messages.ts";
import { floodedWith } from "../../../../support/flooding-agent.ts";
import { handGate, realGate } from "../../../../support/gates.ts";
import { linkListener as listener } from "../../../../support/link-listener.ts";
import { receive } from "../../../../support/streams.ts";
import { until } from "../../../../support/until.ts";

const identity = { version: "0.1.0", arch: "x86_64", image: "debian 1" } as const;
const hello = { type: "hello", protocol: 2, ...identity } as const;

test("an agent that asks and reads no answer loses its link with that reason, and is no other version for it", async () => {
  using gate = handGate();
  const heard = listener();
  const answer = { type: "clock", answer: { asked: 1, nowMs: 2 } } as const;
  const linking = linkGuest(gate.key, "0.1.0", { ...heard, onMessage: (_message, reply) => void reply(answer) });
  await gate.proven(1);
  const agent = gate.callers[0]?.connection;
  if (agent === undefined) throw new Error("nobody has dialled");
  agent.write(encode(hello));
  await linking;
  floodedWith(agent, Buffer.from(encode({ type: "clock", asked: 1 }).repeat(500)));
  expect(await heard.lost).toBe("The other side does not read: more than 2097152 bytes wait for it.");
  expect([heard.losses.length, heard.faults]).toEqual([1, ["unread"]]);
});

test("a line that is too long, and a message that this side fails at, end the link and are no fault of that kind", async () => {
  for (const [line, onMessage, reason] of [
    ["x".repeat(3 * 1024 ** 2), () => {}, expect.any(String)],
    [
      encode({ type: "docker", state: "ready" }),
      () => Promise.reject(new Error("The disk is full.")),
      "The disk is full.",
    ],
  ] as const) {
    using gate = handGate();
    const heard = listener();
    const linking = linkGuest(gate.key, "0.1.0", { ...heard, onMessage });
    await gate.proven(1);
    gate.callers[0]?.connection.write(encode(hello));
    await linking;
    gate.callers[0]?.connection.write(line);
    expect(await heard.lost).toEqual(reason);
    expect(heard.faults).toEqual([undefined]);
  }
});

test("a message of the agent is handled before the next one is read", async () => {
  const agent = new HostLink(identity);
  using gate = realGate({ onControl: (connection, early) => agent.adopt(connection, early) });
  const heard = listener();
  const first = Promise.withResolvers<void>();
  const onMessage = async (message: AgentMessage): Promise<void> => {
    heard.onMessage(message);
    await first.promise;
  };
  const link = await linkGuest(gate.key, "0.1.0", { ...heard, onMessage });
  await heard.heard(1);
  agent.reportDocker("ready");
  // A whole link later the second message would long have been heard.
  const other = listener();
  const second = await linkGuest(gate.key, "0.1.0", other);
  await other.heard(2);
  expect(heard.messages.map(({ type }) => type)).toEqual(["ports"]);
  first.resolve();
  await heard.heard(3);
  for (const each of [link, second]) each.close();
});

test("a host that does not read what the agent reports is hung up on, with the reason, and no other", async () => {
  const said: string[] = [];
  const quiet = spyOn(process.stderr, "write").mockImplementation((text) => said.push(String(text)) > 0);
  try {
    const agent = new HostLink(identity);
    using gate = realGate({ onControl: (connection, early) => agent.adopt(connection, early) });
    const good = listener();
    const link = await linkGuest(gate.key, "0.1.0", good);
    const { connection } = await dial(gate.key);
    const { closed } = receive(connection);
    connection.write(encode({ open: "control" }));
    connection.pause();
    await until("the agent to hang up", 20_000, () => {
      agent.reportMounts(Array.from({ length: 200 }, () => `/${"x".repeat(4_000)}`));
      return said.some((text) => text.includes("The other side does not read")) ? true : undefined;
    });
    connection.resume();
    expect(await closed).toBe("ECONNRESET");
    agent.reportDocker("ready");
    await until("the other host to hear of Docker", 20_000, () =>
      good.messages.some((message) => message.type === "docker" && message.state === "ready") ? true : undefined,
    );
    expect(good.losses).toEqual([]);
    link.close();
  } finally {
    quiet.mockRestore();
  }
});
