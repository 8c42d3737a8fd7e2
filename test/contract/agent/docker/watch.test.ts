/** Following a Docker daemon: a real API on a Unix socket, and one in the hand where every moment counts. */
import { expect, test } from "bun:test";
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type DockerStops, watchDockerStops } from "../../../../src/agent/docker/docker-stops.ts";
import { Containers } from "../../../../src/agent/docker/containers.ts";
import { portLister } from "../../../../src/agent/ports/list.ts";
import { Lister } from "../../../../src/base/lister.ts";
import type { ServedPort } from "../../../../src/agent/ports/published.ts";
import { watchDocker } from "../../../../src/agent/docker/watch.ts";
import { type DockerApi, dockerApi } from "../../../../src/system/docker-api.ts";
import { watchFolder } from "../../../../src/system/watch.ts";
import { fakeDocker } from "../../../support/fake-docker.ts";
import { until } from "../../../support/until.ts";

function container(name: string, PublicPort: number): object {
  return {
    Id: name.repeat(3),
    Names: [`/${name}`],
    Ports: [{ IP: "0.0.0.0", PrivatePort: 80, PublicPort, Type: "tcp" }],
    NetworkSettings: { Networks: { bridge: { IPAddress: "172.17.0.2" } } },
    State: "running",
  };
}

const neverStops = (): DockerStops => ({ signal: new AbortController().signal, over: async () => {} });

/** A watcher that lists at each nudge, as the agent does, and whose words are kept: "ready", "down", "web:8080 db:5432", and troubles with a mark before them. */
function watching(
  docker: DockerApi,
  stopsUntil: (signal: AbortSignal) => DockerStops = neverStops,
): AsyncDisposable & { said: string[]; saying(wanted: string): Promise<void> } {
  const said: string[] = [];
  const stopped = new AbortController();
  let goal: { wanted: string; resolve: () => void } | undefined;
  const say = (text: string): void => {
    said.push(text);
    if (text === goal?.wanted) goal.resolve();
  };
  let listed: readonly ServedPort[] = [];
  const lister = new Lister(portLister(new Containers(docker)), (ports) => (listed = ports));
  const ended = watchDocker(
    docker,
    {
      onStarted: () => {},
      onNudge: () =>
        lister.nudge(
          () => say(listed.map(({ container, hostPort }) => `${container}:${hostPort}`).join(" ") || "nothing"),
          (error) => say(`! ${String(error)}`),
        ),
      onDocker: say,
      onTrouble: (text) => say(`! ${text}`),
    },
    stopped.signal,
    stopsUntil(stopped.signal),
  );
  return {
    said,
    /** Resolves when this is said next. */
    async saying(wanted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      goal = { wanted, resolve };
      await promise;
    },
    async [Symbol.asyncDispose]() {
      stopped.abort();
      await ended;
    },
  };
}

test("a daemon that is there is ready, listed once, and listed again after each event", async () => {
  await using docker = await fakeDocker();
  for (const name of ["web", "db"]) {
    docker.inspected[name.repeat(3)] = { Id: name.repeat(3), Name: `/${name}`, HostConfig: {} };
  }
  docker.containers = [container("web", 8080)];
  await using watch = watching(dockerApi(docker.socketPath));
  await watch.saying("web:8080");
  docker.containers = [container("web", 8080), container("db", 5432)];
  docker.emit();
  await watch.saying("db:5432 web:8080");
  docker.containers = [];
  docker.emit();
  await watch.saying("nothing");
  expect(watch.said).toEqual(["ready", "web:8080", "db:5432 web:8080", "nothing"]);
  expect(docker.requests.map((request) => decodeURIComponent(request))).toEqual([
    "GET /_ping",
    'GET /events?filters={"type":["container","network","service"]}',
    "GET /containers/json",
    // Each container is asked about once in its life.
    "GET /containers/webwebweb/json",
    "GET /containers/json",
    "GET /containers/dbdbdb/json",
    "GET /containers/json",
  ]);
});

test("a daemon that is started anew is followed again", async () => {
  await using docker = await fakeDocker();
  docker.containers = [container("web", 8080)];
  await using watch = watching(dockerApi(docker.socketPath));
  await watch.saying("web:8080");
  const down = watch.saying("down");
  await docker.stop();
  await down;
  docker.containers = [container("db", 5432)];
  docker.start();
  await watch.saying("db:5432");
  const words = watch.said.filter((text) => !text.startsWith("!"));
  expect([words.slice(0, 3), words.slice(-2)]).toEqual([
    ["ready", "web:8080", "down"],
    ["ready", "db:5432"],
  ]);
});

test("a daemon that is not there yet is waited for, and its absence is told", async () => {
  await using docker = await fakeDocker();
  await docker.stop();
  await using watch = watching(dockerApi(docker.socketPath));
  await watch.saying("down");
  docker.start();
  await watch.saying("nothing");
  expect([watch.said[0], watch.said[1]?.startsWith("! Docker: "), watch.said.at(-2)]).toEqual(["down", true, "ready"]);
});

test("a list that fails is told, and the next event lists again", async () => {
  await using docker = await fakeDocker();
  docker.containers = 500;
  await using watch = watching(dockerApi(docker.socketPath));
  const unwell = '! FetchError: [GET] "http://docker/containers/json": 500 Internal Server Error';
  await watch.saying(unwell);
  // A list of a kind that nobody knows is a failure too.
  docker.containers = [{ Id: 7 }];
  const unknown = "! ValiError: Invalid type: Expected string but received 7";
  const told = watch.saying(unknown);
  docker.emit();
  await told;
  docker.containers = [container("web", 8080)];
  const listed = watch.saying("web:8080");
  docker.emit();
  await listed;
  expect(watch.said).toEqual(["ready", unwell, unknown, "web:8080"]);
});

test("a daemon that is being stopped is let go of, and not asked again before it has stopped", async () => {
  await using docker = await fakeDocker();
  const folder = await mkdtemp(join(tmpdir(), "qn-stops-"));
  const file = join(folder, "docker-stops");
  try {
    await using watch = watching(dockerApi(docker.socketPath), (signal) => watchDockerStops(signal, file));
    await watch.saying("nothing");
    expect(docker.followers).toBe(1);
    const left = watch.saying("down");
    writeFileSync(file, "");
    await left;
    await until("the end of the stream", 10_000, async () => (docker.followers === 0 ? true : undefined));
    const asked = docker.requests.length;
    // Another file in the folder is no word about Docker.
    const seen = watchFolder(folder);
    writeFileSync(join(folder, "other"), "");
    await seen.changed();
    seen[Symbol.dispose]();
    // Longer than the watcher waits before it asks again; whatever it has asked comes before what the test asks.
    await Bun.sleep(750);
    await dockerApi(docker.socketPath).ping();
    expect(docker.requests.slice(asked)).toEqual(["GET /_ping"]);
    const back = watch.saying("ready");
    rmSync(file);
    await back;
    await watch.saying("nothing");
    expect([docker.followers, watch.said]).toEqual([1, ["ready", "nothing", "down", "ready", "nothing"]]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("an agent that is started anew while Docker is being stopped waits for its end", async () => {
  await using docker = await fakeDocker();
  const folder = await mkdtemp(join(tmpdir(), "qn-stops-"));
  const file = join(folder, "docker-stops");
  writeFileSync(file, "");
  try {
    await using watch = watching(dockerApi(docker.socketPath), (signal) => watchDockerStops(signal, file));
    await turn();
    expect(docker.requests).toEqual([]);
    const ready = watch.saying("ready");
    rmSync(file);
    await ready;
    // It ends in the middle of another stop, too.
    const left = watch.saying("down");
    writeFileSync(file, "");
    await left;
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("a stop whose end nobody tells of is seen to be over", async () => {
  const outer = await mkdtemp(join(tmpdir(), "qn-stops-"));
  const folder = join(outer, "folder");
  mkdirSync(folder);
  writeFileSync(join(folder, "docker-stops"), "");
  const watch = new AbortController();
  try {
    const stops = watchDockerStops(watch.signal, join(folder, "docker-stops"), 50);
    expect(stops.signal.aborted).toBe(true);
    // What is watched is the folder that was there: nothing has changed in it.
    renameSync(folder, join(outer, "moved"));
    await stops.over();
    expect(stops.signal.aborted).toBe(false);
  } finally {
    watch.abort();
    await rm(outer, { recursive: true });
  }
});

/** A Docker API in the hand: each list waits for the test, each event is the test's. */
function handDocker(): { api: DockerApi; lists: PromiseWithResolvers<never[]>[]; event: () => void; end: () => void } {
  const lists: PromiseWithResolvers<never[]>[] = [];
  const hand = { event: () => {}, end: () => {} };
  return {
    lists,
    event: () => hand.event(),
    end: () => hand.end(),
    api: {
      ping: async () => {},
      services: async () => Promise.reject(new Error("nobody asks")),
      details: async () => Promise.reject(new Error("nobody asks")),
      kill: async () => Promise.reject(new Error("nobody asks")),
      remove: async () => Promise.reject(new Error("nobody asks")),
      stop: async () => Promise.reject(new Error("nobody asks")),
      start: async () => Promise.reject(new Error("nobody asks")),
      containers() {
        const list = Promise.withResolvers<never[]>();
        lists.push(list);
        return list.promise;
      },
      async follow(onEvents, signal) {
        hand.event = () => onEvents(Buffer.from("{}\n"));
        const { promise, resolve } = Promise.withResolvers<void>();
        hand.end = resolve;
        signal.addEventListener("abort", () => resolve(), { once: true });
        await promise;
      },
    },
  };
}

/** Lets everything that is ready now happen. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

test("events that come while a list is under way share the next one", async () => {
  const hand = handDocker();
  await using watch = watching(hand.api);
  await turn();
  for (let index = 0; index < 50; index += 1) hand.event();
  expect(hand.lists).toHaveLength(1);
  hand.lists[0]?.resolve([]);
  await turn();
  expect(hand.lists).toHaveLength(2);
  hand.lists[1]?.resolve([]);
  await turn();
  expect([hand.lists.length, watch.said]).toEqual([2, ["ready", "nothing", "nothing"]]);
  hand.event();
  await turn();
  expect(hand.lists).toHaveLength(3);
  hand.lists[2]?.resolve([]);
});

test("an event that comes while a list fails is not forgotten", async () => {
  const hand = handDocker();
  await using watch = watching(hand.api);
  await turn();
  hand.event();
  hand.lists[0]?.reject(new Error("gone"));
  await turn();
  hand.lists[1]?.resolve([]);
  await turn();
  expect(watch.said).toEqual(["ready", "! Error: gone", "nothing"]);
});

test("the watch ends when it is told to, also while the daemon is away", async () => {
  await using docker = await fakeDocker();
  await docker.stop();
  const watch = watching(dockerApi(docker.socketPath));
  await watch.saying("down");
  await watch[Symbol.asyncDispose]();
  docker.start();
  await turn();
  expect(docker.requests).toEqual([]);
});
