/** DNS from a client in the guest to the host's servers: the agent's listeners, the gate's stream, the host's answers. */
import { expect, test } from "bun:test";
import { Resolver } from "node:dns/promises";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { HostNames } from "../../../src/agent/names/host-names.ts";
import { type NameServer, serveNames } from "../../../src/agent/names/dns-server.ts";
import { dial } from "../../../src/host/gate/dial.ts";
import { answererFor } from "../../../src/host/names/answer.ts";
import { answerNames } from "../../../src/host/names/dns-stream.ts";
import { connect } from "../../../src/system/net/connection.ts";
import { connectDatagrams } from "../../../src/system/net/datagrams.ts";
import { writeFileAtomically } from "../../../src/system/files.ts";
import { type FakeDns, fakeDns, questionAbout, readAnswer } from "../../support/fake-dns.ts";
import { realGate } from "../../support/gates.ts";
import { tempHome } from "../../support/temp-home.ts";

/** The guest's name server, joined to a host whose files the test writes. */
type Way = AsyncDisposable & {
  readonly server: NameServer;
  readonly names: HostNames;
  /** The IPv4 addresses of a name, asked for by a client that remembers nothing. */
  resolve(name: string): Promise<string[]>;
  readonly logged: readonly string[];
  /** What the guest asked of slirp, since no host was there. */
  readonly astray: readonly Uint8Array[];
  resolvConf(...servers: readonly FakeDns[]): Promise<void>;
  hosts(text: string): Promise<void>;
  /** Ends the stream to the host. */
  cut(): Promise<void>;
};

async function way(reach: "all" | "none" = "all"): Promise<Way> {
  const home = await tempHome({ images: false });
  const files = { QN_RESOLV_CONF: join(home.path, "resolv.conf"), QN_HOSTS: join(home.path, "hosts") };
  const astray: Uint8Array[] = [];
  const logged: string[] = [];
  const onTrouble = (text: string): void => void logged.push(text);
  const names = new HostNames(async (question) => {
    astray.push(question);
    throw new Error("Slirp does not answer.");
  }, onTrouble);
  const ask = (question: Uint8Array): Promise<Uint8Array> => names.ask(question);
  const server = await serveNames({ hostname: "127.0.0.1", port: 0 }, ask, onTrouble);
  const gate = realGate({ onNames: (connection, early) => names.adopt(connection, early) });
  const lost = Promise.withResolvers<void>();
  const proven = await dial(gate.key);
  await answerNames(
    proven,
    answererFor(reach, files, (text) => logged.push(text)),
    () => lost.resolve(),
  );
  return {
    server,
    names,
    async resolve(name) {
      const client = new Resolver({ timeout: 8_000, tries: 1 });
      client.setServers([`127.0.0.1:${server.port}`]);
      return await client.resolve4(name);
    },
    logged,
    astray,
    async resolvConf(...servers) {
      const lines = servers.map(({ hostname, port }) => `nameserver [${hostname}]:${port}\n`);
      await writeFileAtomically(files.QN_RESOLV_CONF, lines.join(""));
    },
    async hosts(text) {
      await writeFileAtomically(files.QN_HOSTS, text);
    },
    async cut() {
      proven.connection.reset();
      await lost.promise;
    },
    async [Symbol.asyncDispose]() {
      server.close();
      gate[Symbol.dispose]();
      await rm(home.path, { recursive: true, force: true });
      await home[Symbol.asyncDispose]();
    },
  };
}

const hundred = Array.from({ length: 100 }, (_, index) => `192.0.2.${index + 1}`);

/** Asks over UDP without help: what comes back is exactly what the server sent. */
async function askRaw(port: number, question: Buffer): Promise<Uint8Array> {
  const { promise, resolve } = Promise.withResolvers<Uint8Array>();
  const peer = await connectDatagrams({ hostname: "127.0.0.1", port }, (payload) => resolve(Uint8Array.from(payload)));
  peer.send(question);
  const answer = await promise;
  peer.close();
  return answer;
}

test("a name that the host's server knows is known in the guest, and one that it does not know is not", async () => {
  await using server = await fakeDns({ "a.test": ["192.0.2.1"] });
  await using it = await way();
  await it.resolvConf(server);
  expect(await it.resolve("a.test")).toEqual(["192.0.2.1"]);
  expect(await it.resolve("b.test").catch((error: NodeJS.ErrnoException) => error.code)).toBe("ENOTFOUND");
});

test("a server of this machine's that has an address of IPv6 is asked, over UDP and TCP", async () => {
  const many = Array.from({ length: 40 }, (_, index) => `192.0.2.${index}`);
  await using server = await fakeDns({ "a.test": ["192.0.2.1"], "many.test": many }, 0, "::1");
  await using it = await way();
  await it.resolvConf(server);
  expect(await it.resolve("a.test")).toEqual(["192.0.2.1"]);
  expect((await it.resolve("many.test")).toSorted()).toEqual(many.toSorted());
  expect(new Set(server.asked)).toEqual(new Set(["udp a.test", "udp many.test", "tcp many.test"]));
});

test("a guest that reaches nothing is refused every name at once, and nobody hears of its question", async () => {
  await using server = await fakeDns({ "a.test": ["192.0.2.1"] });
  await using it = await way("none");
  await it.resolvConf(server);
  await it.hosts("192.0.2.2 b.test");
  for (const name of ["a.test", "b.test"]) {
    expect(await it.resolve(name).catch((error: NodeJS.ErrnoException) => error.code)).toBe("EREFUSED");
  }
  expect([server.asked, it.astray]).toEqual([[], []]);
});

test("another resolv.conf counts from the next question on", async () => {
  await using before = await fakeDns({ "a.test": ["192.0.2.1"] });
  await using vpn = await fakeDns({ "a.test": ["198.51.100.1"], "git.corp.test": ["198.51.100.2"] });
  await using it = await way();
  await it.resolvConf(before);
  expect(await it.resolve("a.test")).toEqual(["192.0.2.1"]);
  await it.resolvConf(vpn);
  expect(await it.resolve("a.test")).toEqual(["198.51.100.1"]);
  expect(await it.resolve("git.corp.test")).toEqual(["198.51.100.2"]);
});

test("an answer that is too long for a datagram comes over TCP, on both halves of the way", async () => {
  await using server = await fakeDns({ "big.test": hundred });
  await using it = await way();
  await it.resolvConf(server);
  const direct = readAnswer(await askRaw(it.server.port, questionAbout("big.test")));
  expect(direct).toEqual({ id: 0x1234, isCut: true, code: 0, addresses: [] });
  expect(server.asked).toEqual(["udp big.test", "tcp big.test"]);
  expect((await it.resolve("big.test")).toSorted()).toEqual(hundred.toSorted());
});

test("a server that is gone, silent or unwilling is passed over for the next one", async () => {
  const gone = await fakeDns({});
  await gone[Symbol.asyncDispose]();
  await using unwilling = await fakeDns({ "a.test": 2, "b.test": 5, "c.test": "silent" });
  await using last = await fakeDns({ "a.test": ["192.0.2.1"], "b.test": ["192.0.2.2"], "c.test": ["192.0.2.3"] });
  await using it = await way();
  await it.resolvConf(gone, unwilling, last);
  const found = await Promise.all(["a.test", "b.test", "c.test"].map((name) => it.resolve(name)));
  expect(found).toEqual([["192.0.2.1"], ["192.0.2.2"], ["192.0.2.3"]]);
});

test("the host's own names come from its hosts file, as it is now", async () => {
  await using server = await fakeDns({ "nas.lan": ["203.0.113.1"] });
  await using it = await way();
  await it.resolvConf(server);
  await it.hosts("127.0.0.1 app.test\n192.0.2.9 nas.lan\n");
  expect(await it.resolve("app.test")).toEqual(["10.0.2.2"]);
  expect(await it.resolve("nas.lan")).toEqual(["192.0.2.9"]);
  await it.hosts("127.0.0.1 other.test app.test\n");
  expect(await it.resolve("nas.lan")).toEqual(["203.0.113.1"]);
});

test("host.docker.internal is answered without asking anybody", async () => {
  await using server = await fakeDns({ "host.docker.internal": ["203.0.113.1"] });
  await using it = await way();
  await it.resolvConf(server);
  expect(await it.resolve("host.docker.internal")).toEqual(["10.0.2.2"]);
  await it.cut();
  expect(await it.resolve("gateway.docker.internal")).toEqual(["10.0.2.2"]);
  expect(server.asked).toEqual([]);
});

test("many clients with the same number at once each get their own answer", async () => {
  const names = Array.from({ length: 60 }, (_, index) => [`n${index}.test`, [`192.0.2.${index + 1}`]] as const);
  await using server = await fakeDns(Object.fromEntries(names));
  await using it = await way();
  await it.resolvConf(server);
  const answers = await Promise.all(names.map(([name]) => askRaw(it.server.port, questionAbout(name, 1, 77))));
  expect(answers.map(readAnswer)).toEqual(
    names.map(([, addresses]) => ({ id: 77, isCut: false, code: 0, addresses: [...addresses] })),
  );
});

test("without a host the guest asks slirp, and says so when that fails too", async () => {
  await using it = await way();
  await it.cut();
  const answer = readAnswer(await askRaw(it.server.port, questionAbout("a.test")));
  expect([answer.code, it.astray.length]).toEqual([2, 1]);
});

test("what is no question is answered by nobody and hurts nobody", async () => {
  await using server = await fakeDns({ "a.test": ["192.0.2.1"] });
  await using it = await way();
  await it.resolvConf(server);
  const peer = await connectDatagrams({ hostname: "127.0.0.1", port: it.server.port }, () => {});
  for (let length = 0; length < 64; length += 1) peer.send(Buffer.alloc(length, length * 37));
  peer.close();
  const connection = await connect({ hostname: "127.0.0.1", port: it.server.port });
  connection.write(Buffer.from([0, 3, 1, 2, 3, 0, 0, 0xff, 0xff]));
  expect(await it.resolve("a.test")).toEqual(["192.0.2.1"]);
  connection.reset();
  expect(server.asked).toEqual(["udp a.test"]);
});
