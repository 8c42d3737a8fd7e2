/** The seam against a real agent's link: each report of ports is answered once the host listens, with what failed. */
import { expect, spyOn, test } from "bun:test";
import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { HostLink } from "../../../../../src/agent/link/link.ts";
import { PortTable } from "../../../../../src/agent/ports/port-table.ts";
import { layoutOf } from "../../../../../src/host/layout.ts";
import type { Event } from "../../../../../src/host/supervisor/states.ts";
import { GuestDisks } from "../../../../../src/host/supervisor/seam/guest-disks.ts";
import { Provisioning } from "../../../../../src/host/supervisor/seam/provision.ts";
import { Doors } from "../../../../../src/host/supervisor/seam/doors.ts";
import { Seam, type SeamOptions } from "../../../../../src/host/supervisor/seam/seam.ts";
import { encode } from "../../../../../src/protocol/frame.ts";
import { type FailedPort, protocolVersion, type PublishedPort } from "../../../../../src/protocol/messages.ts";
import { isThere } from "../../../../../src/system/files.ts";
import { connect } from "../../../../../src/system/net/connection.ts";
import { listenForDatagrams } from "../../../../../src/system/net/datagrams.ts";
import { freePort } from "../../../../support/datagrams.ts";
import { handGate, nothingNamed, realGate } from "../../../../support/gates.ts";
import { listenSomewhere } from "../../../../support/streams.ts";
import { tempHome } from "../../../../support/temp-home.ts";
import { until } from "../../../../support/until.ts";

function published(hostPort: number, changes: Partial<PublishedPort> = {}): PublishedPort {
  return { protocol: "tcp", hostIp: "127.0.0.1", hostPort, containerId: "f00d", container: "web", ...changes };
}

type Linked = AsyncDisposable & {
  readonly agent: HostLink;
  readonly table: PortTable;
  readonly seam: Seam;
  readonly logged: string[];
  readonly home: string;
  /** Every answer so far, as the agent heard it. */
  readonly answers: (readonly [number, readonly FailedPort[]])[];
  /** Resolves when the answer to this report has come. */
  answered(report: number): Promise<readonly FailedPort[]>;
};

/** A seam that is linked to an agent, whose first, empty report has been answered. */
async function linked(changes: Partial<SeamOptions> = {}): Promise<Linked> {
  const home = await tempHome({ images: false });
  const agent = new HostLink({ version: "0.1.0", arch: "x86_64", image: "debian 1" });
  const table = new PortTable((ports) => agent.reportPorts(ports));
  const answers: Linked["answers"] = [];
  let goal = { report: Number.POSITIVE_INFINITY, resolve: (_failed: readonly FailedPort[]) => {} };
  agent.onServed = (report, failed) => {
    answers.push([report, failed]);
    table.onServed(report, failed);
    if (report >= goal.report) goal.resolve(failed);
  };
  const gate = realGate({ onControl: (connection, early) => agent.adopt(connection, early) });
  const logged: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const doors = new Doors(layoutOf(home.path).vm("default"), (text) => logged.push(text));
  const seam = new Seam({
    doors,
    paths: layoutOf(home.path).vm("default"),
    version: "0.1.0",
    watched: { shared: [], hidden: home.path, mark: `${home.path}/mark`, exclude: [], entriesMax: 0 },
    resolvConf: "/nowhere/resolv.conf",
    answer: async (question) => question,
    rules: { bind: "loopback", deny: [] },
    key: gate.key,
    onDocker: async () => {},
    dispatch: (event: Event) => void (event.type === "linked" && resolve()),
    onForwards: () => {},
    ...nothingNamed,
    provisioning: new Provisioning(0, { dispatch: () => {}, onProvision: () => {}, warn: () => {} }),
    disks: { guest: new GuestDisks({ warn: () => {}, log: () => {} }), volumes: 0 },
    warn: (text) => logged.push(`warned: ${text}`),
    log: (text) => logged.push(text),
    ...changes,
  });
  const it: Linked = {
    agent,
    table,
    seam,
    logged,
    home: home.path,
    answers,
    async answered(report) {
      const { promise: answer, resolve: resolveAnswer } = Promise.withResolvers<readonly FailedPort[]>();
      goal = { report, resolve: resolveAnswer };
      const [last] = answers.slice(-1);
      if (last !== undefined && last[0] >= report) return last[1];
      return await answer;
    },
    async [Symbol.asyncDispose]() {
      seam.close();
      doors.close();
      gate[Symbol.dispose]();
      await home[Symbol.asyncDispose]();
    },
  };
  seam.dial();
  await promise;
  await it.answered(0);
  return it;
}

test("a report is answered with its number when the host listens on all of it", async () => {
  await using it = await linked();
  const port = await freePort();
  expect(it.agent.reportPorts([published(port), published(port, { protocol: "udp" })])).toBe(1);
  expect(await it.answered(1)).toEqual([]);
  (await connect({ hostname: "127.0.0.1", port })).reset();
  const udp = await listenForDatagrams({ hostname: "127.0.0.1", port }, () => {}).catch((error: unknown) => error);
  expect(udp).toMatchObject({ code: "EADDRINUSE" });
  it.agent.reportPorts([]);
  expect(await it.answered(2)).toEqual([]);
  expect([await connect({ hostname: "127.0.0.1", port }).catch(() => "refused"), it.seam.forwards]).toEqual([
    "refused",
    [],
  ]);
  expect(it.answers.map(([report]) => report)).toEqual([0, 1, 2]);
});

test("what the host cannot listen on is answered with the reason, and logged once", async () => {
  await using it = await linked();
  await using other = await listenSomewhere("tcp", () => {});
  const taken = other.listener.port;
  const free = await freePort();
  const report = [published(taken), published(free)];
  const reason = `Port ${taken} on 127.0.0.1 is taken by another user's process.`;
  it.agent.reportPorts(report);
  expect(await it.answered(1)).toEqual([{ protocol: "tcp", hostIp: "127.0.0.1", hostPort: taken, reason }]);
  it.agent.reportPorts(report);
  await it.answered(2);
  const about = (): string[] => it.logged.filter((text) => text.startsWith("Port "));
  expect(about()).toEqual([reason]);
  other.listener.close();
  it.agent.reportPorts(report);
  expect(await it.answered(3)).toEqual([]);
  it.agent.reportPorts([]);
  await it.answered(4);
  await using again = await listenSomewhere("tcp", () => {});
  it.agent.reportPorts([published(again.listener.port)]);
  await it.answered(5);
  expect(about()).toEqual([reason, reason.replace(`${taken}`, `${again.listener.port}`)]);
});

test("who asked the table for a port waits for the host's word, and no longer than its link", async () => {
  const it = await linked();
  const port = await freePort();
  it.table.ask("web", [published(port)]);
  expect(await it.table.publishAndWait(60_000)).toEqual([]);
  (await connect({ hostname: "127.0.0.1", port })).reset();
  await it[Symbol.asyncDispose]();
  // The agent hears in its own turn that the host is gone; whoever asks afterwards does not wait.
  for (let isLinked = true; isLinked;) isLinked = (await it.table.publishAndWait(100)) !== undefined;
  expect(await it.table.publishAndWait(60_000)).toBeUndefined();
});

test("a report that no host could send is no report: the link is given up and made anew", async () => {
  const quiet = spyOn(process.stderr, "write").mockImplementation(() => true);
  try {
    await using it = await linked();
    it.agent.reportPorts([published(70_000)]);
    // The next link brings the whole state again, so it must be right by then.
    it.agent.reportPorts([]);
    expect(await it.answered(2)).toEqual([]);
    expect(it.logged.filter((text) => text.startsWith("lost the agent"))).toEqual([
      `lost the agent: The agent's message is wrong at "ports.0.hostPort": Invalid value: Expected <=65535 but received 70000.`,
    ]);
  } finally {
    quiet.mockRestore();
  }
});

test("a link that is lost while another is being made is told at once", async () => {
  using gate = handGate();
  await using home = await tempHome({ images: false });
  const events: string[] = [];
  const linkedOnce = Promise.withResolvers<void>();
  const lost = Promise.withResolvers<void>();
  const seam = new Seam({
    doors: new Doors(layoutOf(home.path).vm("default"), () => {}),
    paths: layoutOf(home.path).vm("default"),
    version: "0.1.0",
    watched: { shared: [], hidden: "/nowhere", mark: "/nowhere/mark", exclude: [], entriesMax: 0 },
    rules: { bind: "loopback", deny: [] },
    key: gate.key,
    dispatch: ({ type }: Event) => {
      events.push(type);
      (type === "linked" ? linkedOnce : lost).resolve();
    },
    resolvConf: "/nowhere/resolv.conf",
    answer: async (question) => question,
    onDocker: async () => {},
    onForwards: () => {},
    ...nothingNamed,
    provisioning: new Provisioning(0, { dispatch: () => {}, onProvision: () => {}, warn: () => {} }),
    disks: { guest: new GuestDisks({ warn: () => {}, log: () => {} }), volumes: 0 },
    warn: () => {},
    log: () => {},
  });
  seam.dial();
  await gate.proven(1);
  const [agent] = gate.callers;
  agent?.connection.write(
    encode({ type: "hello", protocol: protocolVersion, version: "1", arch: "x86_64", image: "debian 1" }),
  );
  await linkedOnce.promise;
  // The pool's callers and this one: nobody answers them.
  seam.dial();
  await gate.proven(3);
  agent?.connection.reset();
  await lost.promise;
  expect(events).toEqual(["linked", "link-lost"]);
  seam.close();
});

test("who asks for the host's changes is told of all that were made before, and then gets the answer", async () => {
  await using home = await tempHome({ images: false });
  const root = join(home.path, "shared");
  await Bun.write(join(root, "file"), "1");
  const watched = { shared: [root], hidden: "/nowhere", mark: join(home.path, "mark"), exclude: [], entriesMax: 10 };
  await using it = await linked({ watched });
  const told: string[] = [];
  const [first, answered] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  it.agent.onChanges = ({ there, files, answers }) => {
    told.push(...files);
    if (there.includes(join(root, "file"))) first.resolve();
    if (answers === 1) answered.resolve();
  };
  it.agent.reportMounts([root]);
  await first.promise;
  await Bun.write(join(root, "file"), "other");
  expect(it.agent.askChanges([root])).toBe(1);
  await answered.promise;
  expect(told).toEqual([join(root, "file")]);
});

test("while Docker chooses, the host says which of the VM's ports are taken or denied", async () => {
  await using other = await listenSomewhere("tcp", () => {});
  const taken = other.listener.port;
  const dockerPorts = { first: Math.max(1, taken - 3), last: Math.min(65_535, taken + 3) };
  await using it = await linked({ dockerPorts, rules: { bind: "loopback", deny: [deniedPort(taken)] } });
  const told = Promise.withResolvers<readonly number[] | undefined>();
  const before = it.agent.onServed;
  it.agent.onServed = (report, failed, ports) => {
    before(report, failed, ports);
    if (report === 1) told.resolve(ports);
  };
  it.agent.reportPorts([], true);
  const ports = await told.promise;
  expect(ports).toContain(taken);
  expect(ports).toContain(taken === 65_535 ? taken - 1 : taken + 1);
  expect((ports ?? []).every((port) => port >= dockerPorts.first && port <= dockerPorts.last)).toBe(true);
});

/** A rule against the port beside this one. */
function deniedPort(taken: number) {
  const port = taken === 65_535 ? taken - 1 : taken + 1;
  return { first: port, last: port, rule: `${port}` };
}
test("a forward by hand and a published port do not take each other's place, and say who has it", async () => {
  await using it = await linked();
  const port = await freePort();
  const byHand = { protocol: "tcp", hostIp: "", hostPort: port, guestPort: 80 } as const;
  expect(await it.seam.listenByHand([byHand])).toEqual([]);
  const report = it.agent.reportPorts([published(port)]) ?? 0;
  const [failed] = await it.answered(report);
  expect(failed?.reason).toBe(`Port ${port} on 127.0.0.1 is taken by a forward made with \`qn ports add\`.`);
  await it.seam.listenByHand([]);
  expect(await it.answered(it.agent.reportPorts([published(port)]) ?? 0)).toEqual([]);
  const [refused] = await it.seam.listenByHand([{ ...byHand, hostIp: "127.0.0.1" }]);
  expect(refused?.reason).toBe(`Port ${port} on 127.0.0.1 is taken by the container "web" of this VM.`);
});

test("a line of the agent's is one line of its log, whatever it has in it", async () => {
  await using guest = await linked();
  const paths = layoutOf(guest.home).vm("default");
  await mkdir(paths.folder);
  guest.agent.log("first\n2026-01-01T00:00:00.000Z all is well \u001b]0;owned\u0007");
  guest.agent.log("second");
  const isWritten = async (): Promise<boolean> =>
    (await readFile(paths.logs.agent, "utf8").catch(() => "")).endsWith("second\n");
  await until("the second line", 20_000, async () => ((await isWritten()) ? true : undefined));
  const lines = (await readFile(paths.logs.agent, "utf8")).trimEnd().split("\n");
  expect(lines.map((line) => line.replace(/^\S+ /, ""))).toEqual([
    String.raw`first\x0a2026-01-01T00:00:00.000Z all is well \x1b]0;owned\x07`,
    "second",
  ]);
});

test("a socket that somebody deletes is opened again at once, and the log says so", async () => {
  await using guest = await linked();
  const { folder, dockerSocket, mountSocket } = layoutOf(guest.home).vm("default");
  await mkdir(folder);
  guest.seam.pingDocker();
  for (const path of [dockerSocket, mountSocket, dockerSocket]) {
    (await connect({ unix: path })).reset();
    await rm(path);
    await until("the socket", 5_000, async () => (await isThere(path)) || undefined);
    (await connect({ unix: path })).reset();
  }
  expect(guest.logged.filter((line) => line === `${dockerSocket} was gone; it is opened again`)).toHaveLength(2);
});
