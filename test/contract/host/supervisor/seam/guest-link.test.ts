/** The link between supervisor and agent: hello both ways, whole reports, and agents that are not as they should be. */
import { expect, spyOn, test } from "bun:test";
import { HostLink } from "../../../../../src/agent/link/link.ts";
import { type GuestLink, linkGuest } from "../../../../../src/host/supervisor/seam/guest-link.ts";
import { encode } from "../../../../../src/protocol/frame.ts";
import type { AgentMessage, PublishedPort } from "../../../../../src/protocol/messages.ts";
import { failureOf } from "../../../../support/failures.ts";
import { handGate, realGate } from "../../../../support/gates.ts";
import { linkListener as listener } from "../../../../support/link-listener.ts";
import { receive } from "../../../../support/streams.ts";

const identity = { version: "0.1.0", arch: "x86_64", image: "debian 1" } as const;
const hello = { type: "hello", protocol: 2, ...identity } as const;
const port: PublishedPort = { protocol: "tcp", hostIp: "::", hostPort: 80, containerId: "c1", container: "web" };

test("a link brings the host up to date, and keeps it so", async () => {
  const agent = new HostLink(identity);
  agent.reportPorts([port]);
  using gate = realGate({ onControl: (connection, early) => agent.adopt(connection, early) });
  const heard = listener();
  const link = await linkGuest(gate.key, "0.1.0", heard);
  await heard.heard(2);
  agent.reportDocker("ready");
  agent.reportDocker("ready");
  agent.reportPorts([]);
  await heard.heard(4);
  expect([link.hello.version, heard.messages]).toEqual([
    "0.1.0",
    [
      { type: "ports", report: 1, ports: [port] },
      { type: "docker", state: "down" },
      { type: "docker", state: "ready" },
      { type: "ports", report: 2, ports: [] },
    ],
  ]);
  link.close();
});

test("an agent that does not know its ports yet says nothing of them before it does", async () => {
  const agent = new HostLink(identity);
  agent.awaitPorts();
  using gate = realGate({ onControl: (connection, early) => agent.adopt(connection, early) });
  const [first, second] = [listener(), listener()];
  const links: GuestLink[] = [await linkGuest(gate.key, "0.1.0", first)];
  await first.heard(1);
  agent.reportPorts([port]);
  await first.heard(2);
  links.push(await linkGuest(gate.key, "0.1.0", second));
  await second.heard(2);
  const down: AgentMessage = { type: "docker", state: "down" };
  const ports: AgentMessage = { type: "ports", report: 1, ports: [port] };
  expect([first.messages, second.messages]).toEqual([
    [down, ports],
    [ports, down],
  ]);
  for (const link of links) link.close();
});

test("two supervisors at once hear the same, the later one the whole state first", async () => {
  const agent = new HostLink(identity);
  using gate = realGate({ onControl: (connection, early) => agent.adopt(connection, early) });
  const [first, second] = [listener(), listener()];
  const links: GuestLink[] = [await linkGuest(gate.key, "0.1.0", first)];
  agent.reportDocker("ready");
  agent.reportPorts([port]);
  links.push(await linkGuest(gate.key, "0.1.0", second));
  await second.heard(2);
  agent.reportDocker("down");
  await Promise.all([first.heard(5), second.heard(3)]);
  const state: AgentMessage[] = [
    { type: "ports", report: 1, ports: [port] },
    { type: "docker", state: "ready" },
  ];
  const down: AgentMessage = { type: "docker", state: "down" };
  expect(second.messages).toEqual([...state, down]);
  expect(first.messages.slice(2)).toEqual([...state.toReversed(), down]);
  for (const link of links) link.close();
});

test("a line of the agent's log reaches the host, a longer one than fits by its beginning", async () => {
  const quiet = spyOn(process.stderr, "write").mockImplementation(() => true);
  try {
    const agent = new HostLink(identity);
    using gate = realGate({ onControl: (connection, early) => agent.adopt(connection, early) });
    const heard = listener();
    const link = await linkGuest(gate.key, "0.1.0", heard);
    await heard.heard(2);
    agent.log("Docker: gone");
    agent.log("x".repeat(20_000));
    await heard.heard(4);
    expect(heard.messages.slice(2)).toEqual([
      { type: "log", text: "Docker: gone" },
      { type: "log", text: "x".repeat(16_384) },
    ]);
    link.close();
  } finally {
    quiet.mockRestore();
  }
});

test("a link that the host closes itself is not lost", async () => {
  const agent = new HostLink(identity);
  using gate = realGate({ onControl: (connection, early) => agent.adopt(connection, early) });
  const [first, second] = [listener(), listener()];
  const link = await linkGuest(gate.key, "0.1.0", first);
  link.close();
  expect(await failureOf(() => link.pool.take())).toEqual({
    code: "LINK_REFUSED",
    message: "The link to the guest is closed.",
  });
  // A whole link later the first one would long have been told.
  const other = await linkGuest(gate.key, "0.1.0", second);
  await second.heard(2);
  expect(first.losses).toEqual([]);
  other.close();
});

test("an agent that dies is lost once, and its pool with it; until it is warmed the pool has one connection", async () => {
  using gate = handGate();
  const heard = listener();
  const linking = linkGuest(gate.key, "0.1.0", heard);
  await gate.proven(1);
  gate.callers[0]?.connection.write(encode(hello));
  const link = await linking;
  await gate.proven(2);
  expect(gate.openingMost).toBe(1);
  link.warm();
  await gate.proven(9);
  for (const { connection } of gate.callers) connection.end();
  await heard.lost;
  expect(await failureOf(() => link.pool.take())).toEqual({
    code: "LINK_REFUSED",
    message: "The link to the guest is closed.",
  });
  expect([heard.losses, heard.faults]).toEqual([["The other side ended the connection."], [undefined]]);
});

/** What becomes of a link to an agent that says `first`; its connection is closed in any case. */
async function linkToAgentThatSays(first: string): Promise<{ code: string; message: string }> {
  using gate = handGate();
  const failure = failureOf(() => linkGuest(gate.key, "0.1.0", listener(), { helloDeadlineMs: 50 }));
  await gate.proven(1);
  const connection = gate.callers[0]?.connection;
  if (connection === undefined) throw new Error("nobody has dialled");
  const { closed } = receive(connection);
  connection.write(first);
  const outcome = await failure;
  expect(await closed).toBe("ECONNRESET");
  return outcome;
}

test("an agent of another protocol is refused, older or newer, also when nothing but its hello is as it is here", async () => {
  const spoken = (version: string, age: string, protocol: number) =>
    `The agent in the guest (qn ${version}) is of ${age} qn: it speaks version ${protocol} of the protocol, this qn version 2.`;
  expect(await linkToAgentThatSays(encode({ ...hello, protocol: 3, version: "9.0.0" }))).toEqual({
    code: "AGENT_INCOMPATIBLE",
    message: spoken("9.0.0", "a newer", 3),
  });
  expect(await linkToAgentThatSays(encode({ type: "hello", protocol: 1, version: "0.0.1" }))).toEqual({
    code: "AGENT_INCOMPATIBLE",
    message: spoken("0.0.1", "an older", 1),
  });
});

test("an agent that begins with anything but hello is refused, and will not be any other next time", async () => {
  const says = (what: string) => ({
    code: "AGENT_INCOMPATIBLE",
    message: `The agent in the guest says no hello that this qn understands: ${what}`,
  });
  expect(await linkToAgentThatSays(encode({ type: "docker", state: "ready" }))).toEqual(says("something else."));
  expect(await linkToAgentThatSays(encode({ type: "exec" }))).toEqual(says("something else."));
  expect(await linkToAgentThatSays("{]\n")).toEqual(says("The agent's message is not JSON."));
});

test("an agent that says nothing is given up", async () => {
  expect(await linkToAgentThatSays("")).toEqual({
    code: "LINK_REFUSED",
    message: "The agent in the guest did not say hello in time.",
  });
});

test("an agent that says garbage later on is lost", async () => {
  using gate = handGate();
  const heard = listener();
  const linking = linkGuest(gate.key, "0.1.0", heard);
  await gate.proven(1);
  const agent = gate.callers[0]?.connection;
  agent?.write(encode(hello));
  await linking;
  agent?.write('{"type":"exec","command":"id"}\n{"type":"docker","state":"fine"}\n');
  expect(await heard.lost).toBe(
    `The agent's message is wrong at "state": Invalid type: Expected ("ready" | "down") but received "fine".`,
  );
  expect([heard.messages, heard.faults]).toEqual([[], ["nonsense"]]);
});

test("a host that says what the agent does not know is hung up on, and no other", async () => {
  const quiet = spyOn(process.stderr, "write").mockImplementation(() => true);
  try {
    const agent = new HostLink(identity);
    const controls: { reset(): void }[] = [];
    using gate = realGate({
      onControl: (connection, early) => {
        controls.push(connection);
        agent.adopt(connection, early);
      },
    });
    const [good, bad] = [listener(), listener()];
    const link = await linkGuest(gate.key, "0.1.0", good);
    await linkGuest(gate.key, "x".repeat(2000), bad);
    await bad.lost;
    agent.reportDocker("ready");
    await good.heard(4);
    expect([good.losses, good.messages.at(-1)]).toEqual([[], { type: "docker", state: "ready" }]);
    link.close();
  } finally {
    quiet.mockRestore();
  }
});
