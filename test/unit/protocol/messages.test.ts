/** Everything that host and guest say to each other: read as written, or refused with the reason. */
import { expect, test } from "bun:test";
import {
  type AgentMessage,
  type Boot,
  type HostMessage,
  parseAgentMessage,
  parseBoot,
  parseHostMessage,
  type PublishedPort,
} from "../../../src/protocol/messages.ts";
import { type Open, parseOpen, parseOpened, parseReady } from "../../../src/protocol/stream-request.ts";
import { failureOf } from "../../support/failures.ts";

const boot: Boot = {
  secret: "0f".repeat(32),
  vm: "default",
  hostPorts: [40_001, 40_002],
  sshHostKey: "-----BEGIN OPENSSH PRIVATE KEY-----\n",
  user: { name: "ann", uid: 1000, gid: 100, sshKeys: ["ssh-ed25519 AAAA qn default"] },
  shares: [{ tag: "qn0", path: "/home/ann", readOnly: false, folder: "/home/ann" }],
  home: "/home/ann/.qn",
  dockerSocket: "/home/ann/.qn/default/docker.sock",
  listen: true,
  proxy: { HTTP_PROXY: "http://10.0.2.2:3128", no_proxy: "localhost" },
};

const port: PublishedPort = {
  protocol: "tcp",
  hostIp: "0.0.0.0",
  hostPort: 8080,
  containerId: "c0ffee",
  container: "web",
};

const agentMessages: readonly AgentMessage[] = [
  { type: "hello", protocol: 1, version: "0.1.0", arch: "aarch64", image: "debian 1" },
  { type: "ports", report: 0, ports: [] },
  {
    type: "ports",
    report: 7,
    ports: [port, { ...port, protocol: "udp", hostIp: "::" }, { ...port, protocol: "sctp" }],
  },
  { type: "docker", state: "ready" },
  { type: "docker", state: "down" },
  { type: "log", text: "Docker: gone\n" },
  { type: "clock", asked: 12.5 },
  { type: "memory", answers: 3, usedBytes: 367_001_600 },
  { type: "use", answers: 4, use: "The container web runs." },
  { type: "calm", answers: 4 },
  { type: "socket", name: "/home/ann/s.sock" },
  { type: "socket", name: "ssh-agent", client: 5 },
  { type: "disks", answers: 3, disks: [{ name: "data", sizeBytes: 2 ** 44 }] },
  { type: "disks", answers: 4, disks: [{ name: "db", error: "it is not mounted" }] },
];

const opens: readonly Open[] = [
  { open: "control" },
  { open: "docker" },
  { open: "port", protocol: "tcp", hostIp: "::1", hostPort: 65_535 },
  { open: "port", protocol: "udp", hostIp: "0.0.0.0", hostPort: 53 },
  { open: "names" },
  { open: "guest", protocol: "udp", port: 53 },
  { open: "socket", client: 5 },
];

const failed = { protocol: "udp", hostIp: "::", hostPort: 53, reason: "Port 53 on ::1 is taken by named (pid 7)." };

const hostMessages: readonly HostMessage[] = [
  { type: "memory", ask: 3 },
  { type: "use", ask: 4 },
  { type: "calm", ask: 4 },
  { type: "socket", refused: 5 },
  { type: "clock" },
  { type: "clock", answer: { asked: 12.5, nowMs: 1_763_712_000_000 } },
  { type: "hello", protocol: 1, version: "0.1.0" },
  { type: "served", report: 0, failed: [] },
  { type: "disks", ask: 3, disks: [{ name: "data", sizeBytes: 2 ** 44 }] },
  {
    type: "served",
    report: 7,
    failed: [
      { ...failed, protocol: "udp" },
      { ...failed, protocol: "sctp" },
    ],
  },
];

/** Every message of every kind, with its parser. */
const messages: readonly (readonly [(line: string) => unknown, object])[] = [
  [parseBoot, boot],
  ...opens.map((open) => [parseOpen, open] as const),
  [parseOpened, { ok: true }],
  [parseOpened, { ok: true, reuse: true }],
  [parseReady, { ready: true }],
  [parseOpened, { ok: false, reason: "No container publishes tcp port 8080." }],
  ...agentMessages.map((message) => [parseAgentMessage, message] as const),
  ...hostMessages.map((message) => [parseHostMessage, message] as const),
];

test("every message is read as it was written", () => {
  expect(messages.map(([parse, message]) => parse(JSON.stringify(message)))).toEqual(
    messages.map(([, message]) => message),
  );
});

test("a field that a newer side adds is left out", () => {
  expect(messages.map(([parse, message]) => parse(JSON.stringify({ ...message, newer: { a: 1 } })))).toEqual(
    messages.map(([, message]) => message),
  );
  expect(parseAgentMessage(JSON.stringify({ type: "ports", report: 1, ports: [{ ...port, newer: true }] }))).toEqual({
    type: "ports",
    report: 1,
    ports: [port],
  });
});

/** What not every version has said from the first on. */
const mayBeLeftOut = ["listen", "proxy", "arch", "image", "answer", "reuse", "use", "client"];

test("a field that is missing is refused, unless older versions did not know it", async () => {
  for (const [parse, message] of messages) {
    for (const field of Object.keys(message)) {
      if (mayBeLeftOut.includes(field)) continue;
      const { [field]: _left, ...rest } = message as Record<string, unknown>;
      const { code } = await failureOf(() => parse(JSON.stringify(rest)));
      expect([field, code]).toEqual([field, "PROTOCOL"]);
    }
  }
});

test("a message of a kind that only a newer side knows is passed over", () => {
  expect([
    parseAgentMessage('{"type":"exec","command":"id"}'),
    parseHostMessage('{"type":"ports","ports":[]}'),
  ]).toEqual([undefined, undefined]);
});

test("a boot credential and a hello of an older qn are understood", () => {
  const { listen: _listen, proxy: _proxy, ...older } = boot;
  expect(parseBoot(JSON.stringify(older))).toEqual({ ...older, listen: false, proxy: {} });
  const hello = { type: "hello", protocol: 1, version: "0.0.1" };
  expect(parseAgentMessage(JSON.stringify(hello))).toEqual(hello as AgentMessage);
});

test("what is no message of its kind is refused with what is wrong", async () => {
  const wrong: readonly (readonly [(line: string) => unknown, string])[] = [
    [parseHostMessage, '{"type":"disks","ask":1,"disks":[{"name":"../x","sizeBytes":1}]}'],
    [parseBoot, "{"],
    [parseBoot, JSON.stringify({ ...boot, secret: "short" })],
    [parseBoot, JSON.stringify({ ...boot, shares: [{ ...boot.shares[0], path: "home" }] })],
    [parseOpen, "SSH-2.0"],
    [parseOpen, '{"open":"shell"}'],
    [parseOpen, '{"open":"port","protocol":"sctp","hostIp":"::","hostPort":53}'],
    [parseOpen, '{"open":"port","protocol":"tcp","hostIp":"::","hostPort":0}'],
    [parseOpen, '{"open":"mount-socket","tag":"qn0","path":"a/../../s"}'],
    [parseOpened, '{"ok":"yes"}'],
    [parseReady, '{"ready":false}'],
    [parseReady, '{"ok":true}'],
    [parseAgentMessage, "[]"],
    [parseAgentMessage, '{"type":"docker","state":"fine"}'],
    [parseAgentMessage, '{"type":"ports","report":1.5,"ports":[]}'],
    [parseHostMessage, '{"type":"served","report":1,"failed":[{}]}'],
  ];
  const said = [];
  for (const [parse, line] of wrong) said.push(await failureOf(() => parse(line)));
  expect(said.map(({ code, message }) => [code, message])).toEqual([
    [
      "PROTOCOL",
      `The host's message is wrong at "disks.0.name": Invalid format: Expected /^[a-z][a-z0-9-]{0,15}$/ but received "../x".`,
    ],
    ["PROTOCOL", "The boot credential is not JSON."],
    [
      "PROTOCOL",
      'The boot credential is wrong at "secret": Invalid format: Expected /^[0-9a-f]{64}$/ but received "short".',
    ],
    ["PROTOCOL", 'The boot credential is wrong at "shares.0.path": Invalid start: Expected "/" but received "h".'],
    ["PROTOCOL", "The open request is not JSON."],
    [
      "PROTOCOL",
      'The open request is wrong at "open": Invalid type: Expected ("control" | "docker" | "names" | "port" | "guest" | "socket" | "mount-socket") but received "shell".',
    ],
    [
      "PROTOCOL",
      'The open request is wrong at "protocol": Invalid type: Expected ("tcp" | "udp") but received "sctp".',
    ],
    ["PROTOCOL", 'The open request is wrong at "hostPort": Invalid value: Expected >=1 but received 0.'],
    ["PROTOCOL", 'The open request is wrong at "path": A path in a mount has only names.'],
    [
      "PROTOCOL",
      'The answer to an open request is wrong at "ok": Invalid type: Expected (true | false) but received "yes".',
    ],
    ["PROTOCOL", 'The word behind a stream is wrong at "ready": Invalid type: Expected true but received false.'],
    ["PROTOCOL", 'The word behind a stream is wrong at "ready": Invalid key: Expected "ready" but received undefined.'],
    [
      "PROTOCOL",
      `The agent's message is wrong at "type": Invalid type: Expected ("hello" | "ports" | "docker" | "mounts" | "log" | "provision" | "disks" | "asleep" | "clock" | "memory" | "use" | "calm" | "socket" | "renewed") but received undefined.`,
    ],
    [
      "PROTOCOL",
      `The agent's message is wrong at "state": Invalid type: Expected ("ready" | "down") but received "fine".`,
    ],
    ["PROTOCOL", `The agent's message is wrong at "report": Invalid integer: Received 1.5.`],
    [
      "PROTOCOL",
      `The host's message is wrong at "failed.0.protocol": Invalid key: Expected "protocol" but received undefined.`,
    ],
  ]);
});

test("the longest texts, the highest port and the most ports pass, one more does not", async () => {
  const reportOf = (ports: object[]): object => ({ type: "ports", report: 1, ports });
  const cases: readonly (readonly [(line: string) => unknown, (over: number) => object])[] = [
    [parseAgentMessage, (over) => ({ type: "log", text: "x".repeat(16_384 + over) })],
    [parseAgentMessage, (over) => reportOf(Array.from({ length: 5000 + over }, () => port))],
    [parseAgentMessage, (over) => reportOf([{ ...port, hostPort: 65_535 + over }])],
    [parseAgentMessage, (over) => reportOf([{ ...port, container: "x".repeat(1024 + over) }])],
    [parseAgentMessage, (over) => reportOf([{ ...port, hostIp: "x".repeat(64 + over) }])],
    [
      parseHostMessage,
      (over) => ({ type: "served", report: 1, failed: [{ ...failed, reason: "x".repeat(4096 + over) }] }),
    ],
    [parseOpen, (over) => ({ ...opens[2], hostIp: "x".repeat(64 + over) })],
    [parseOpened, (over) => ({ ok: false, reason: "x".repeat(4096 + over) })],
    [parseBoot, (over) => ({ ...boot, vm: "x".repeat(1024 + over) })],
  ];
  for (const [parse, make] of cases) {
    expect(parse(JSON.stringify(make(0)))).toEqual(make(0));
    expect((await failureOf(() => parse(JSON.stringify(make(1))))).code).toBe("PROTOCOL");
  }
});
