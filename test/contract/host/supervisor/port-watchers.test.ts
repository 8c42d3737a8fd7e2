/** Those who watch the forwards, over the real control socket: told at once, told seldom, and never more than they read. */
import { expect, test } from "bun:test";
import { mkdir } from "node:fs/promises";
import { layoutOf, type VmPaths } from "../../../../src/host/layout.ts";
import { watchPorts } from "../../../../src/host/lifecycle/watch-ports.ts";
import { serveControl } from "../../../../src/host/supervisor/control.ts";
import { type ForwardStatus, parseControlEvent } from "../../../../src/host/supervisor/messages.ts";
import { PortWatchers } from "../../../../src/host/supervisor/port-watchers.ts";
import { LineReader } from "../../../../src/protocol/frame.ts";
import { connect } from "../../../../src/system/net/connection.ts";
import { failureOf } from "../../../support/failures.ts";
import { receive } from "../../../support/streams.ts";
import { tempHome } from "../../../support/temp-home.ts";

type Watched = AsyncDisposable & {
  readonly paths: VmPaths;
  readonly watchers: PortWatchers;
  /** The forwards of now, for the next one who is told. */
  ports: ForwardStatus[];
  /** How often they were put together. */
  readonly asked: () => number;
  /** Resolves when one watcher more has left. */
  left(): Promise<void>;
  /** Ends as a supervisor whose VM has stopped does. */
  stop(): void;
};

function forward(bytes: number, hostPort = 8080): ForwardStatus {
  const address = { protocol: "tcp", hostIp: "127.0.0.1", hostPort } as const;
  return {
    ...address,
    container: "web",
    source: "docker",
    guestPort: null,
    state: "open",
    refusal: null,
    connections: 0,
    bytes,
    error: null,
  };
}

/** A control socket with nothing but forwards behind it. */
async function watched(countsMs: number): Promise<Watched> {
  const home = await tempHome({ images: false });
  const paths = layoutOf(home.path).vm("default");
  await mkdir(paths.folder);
  let asked = 0;
  let gone = Promise.withResolvers<void>();
  const watchers = new PortWatchers(() => {
    asked += 1;
    return it.ports;
  }, countsMs);
  const clients = new Set<{ send(event: { event: "stopped"; forced: boolean }): boolean }>();
  const listener = serveControl(
    paths.controlSocket,
    (_request, client) => {
      clients.add(client);
      watchers.add(client);
    },
    (client) => {
      watchers.remove(client);
      gone.resolve();
      gone = Promise.withResolvers();
    },
  );
  const it: Watched = {
    paths,
    watchers,
    ports: [forward(0)],
    asked: () => asked,
    left: () => gone.promise,
    stop: () => clients.forEach((client) => void client.send({ event: "stopped", forced: false })),
    async [Symbol.asyncDispose]() {
      listener.closeAll();
      await home[Symbol.asyncDispose]();
    },
  };
  return it;
}

/** Watches; `told` are the bytes of each telling, and `reached` resolves once somebody was told so often. */
function watching(vm: Watched, signal = new AbortController().signal) {
  const told: number[] = [];
  let goal = { count: Number.POSITIVE_INFINITY, resolve: () => {} };
  const ended = watchPorts(vm.paths, signal, (ports) => {
    told.push(ports.reduce((sum, { bytes }) => sum + bytes, 0));
    if (told.length >= goal.count) goal.resolve();
  });
  const reached = async (count: number): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<void>();
    goal = { count, resolve };
    if (told.length < count) await promise;
  };
  return { told, ended, reached };
}

test("a watcher has the forwards of now at once, each change at once, and the end of the VM", async () => {
  await using vm = await watched(60_000);
  const one = watching(vm);
  await one.reached(1);
  for (const bytes of [1, 2, 3]) {
    vm.ports = [forward(bytes)];
    vm.watchers.changed("forwards");
  }
  await one.reached(4);
  vm.stop();
  await one.ended;
  expect(one.told).toEqual([0, 1, 2, 3]);
});

test("counts that grow a thousand times are told once, when the time is over, and with all that came", async () => {
  await using vm = await watched(30);
  const one = watching(vm);
  await one.reached(1);
  for (let bytes = 1; bytes <= 1000; bytes += 1) {
    vm.ports = [forward(bytes)];
    vm.watchers.changed("counts");
  }
  expect(vm.asked()).toBe(1);
  await one.reached(2);
  expect(one.told).toEqual([0, 1000]);
  vm.stop();
  await one.ended;
});

test("while nobody watches nothing is put together, and nothing waits to be", async () => {
  await using vm = await watched(30);
  vm.watchers.changed("forwards");
  vm.watchers.changed("counts");
  const leave = new AbortController();
  const one = watching(vm, leave.signal);
  await one.reached(1);
  const left = vm.left();
  vm.watchers.changed("counts");
  leave.abort();
  await Promise.all([one.ended, left]);
  await Bun.sleep(100);
  expect(vm.asked()).toBe(1);
});

test("a watcher that does not read costs nothing, and has the newest forwards when it reads again", async () => {
  await using vm = await watched(60_000);
  const many = (bytes: number): ForwardStatus[] =>
    Array.from({ length: 1_000 }, (_, index) => forward(bytes, index + 1));
  vm.ports = many(0);
  const connection = await connect({ unix: vm.paths.controlSocket });
  const received = receive(connection);
  connection.write('{"ask":"ports"}\n');
  await received.reached(1);
  connection.pause();
  for (let bytes = 1; bytes <= 200; bytes += 1) {
    vm.ports = many(bytes);
    vm.watchers.changed("forwards");
  }
  connection.resume();
  const events: number[] = [];
  while (events.at(-1) !== 200) {
    await received.reached(received.bytes + 1);
    const reader = new LineReader(2 ** 30);
    reader.push(received.whole);
    events.length = 0;
    for (let line = reader.next(); line !== undefined; line = reader.next()) {
      const event = parseControlEvent(line);
      if (event.event === "ports") events.push(event.ports[0]?.bytes ?? -1);
    }
  }
  expect(events.length).toBeLessThan(20);
  connection.reset();
});

test("10,000 forwards are not too many to be told", async () => {
  await using vm = await watched(60_000);
  const error = "Port 8080 on 127.0.0.1 is taken by another user's process.";
  vm.ports = Array.from({ length: 10_000 }, (_, index) => ({ ...forward(1, index + 1), error }));
  const one = watching(vm);
  await one.reached(1);
  vm.stop();
  await one.ended;
  expect(one.told).toEqual([10_000]);
});

test("a VM that does not run, or that nobody has made, has nothing to watch", async () => {
  await using home = await tempHome({ images: false });
  const paths = layoutOf(home.path).vm("default");
  const watch = () => watchPorts(paths, new AbortController().signal, () => {});
  expect(await failureOf(watch)).toEqual({ code: "NO_SUCH_VM", message: 'There is no VM "default".' });
  await mkdir(paths.folder);
  expect(await failureOf(watch)).toEqual({ code: "NOT_RUNNING", message: 'The VM "default" does not run.' });
});
