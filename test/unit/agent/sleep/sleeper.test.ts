/** A guest that lets go of the host's folders: who is stopped, who is in the way, and how it comes back. */
import { expect, test } from "bun:test";
import { holding } from "../../../../src/agent/sleep/holders.ts";
import { Sleeper } from "../../../../src/agent/sleep/sleeper.ts";
import type { Asleep } from "../../../../src/protocol/sleep.ts";
import type { Container } from "../../../../src/system/docker-views.ts";

function container(name: string, sources: readonly string[], Labels: Record<string, string> = {}): Container {
  const Mounts = sources.map((Source) => ({ Type: "bind", Source }));
  return { Id: name, Names: [`/${name}`], Ports: [], Mounts, Labels };
}

/** A guest, and what was done to it so far. */
function guestWith(
  containers: readonly Container[],
  more: {
    readonly removed?: readonly string[];
    readonly unmount?: () => void;
    readonly noted?: readonly string[];
    readonly start?: (id: string) => Promise<void>;
    readonly list?: () => Promise<readonly Container[]>;
    readonly use?: string;
    readonly mount?: () => Promise<void>;
  } = {},
) {
  const done: string[] = [];
  const answers: Asleep[] = [];
  let noted = more.noted ?? [];
  const sleeper = new Sleeper({
    targets: () => ["/home/ann"],
    containers: more.list ?? (async () => containers),
    volumeFolders: async () => [],
    isRemovedWhenStopped: async (id) => more.removed?.includes(id) === true,
    stop: async (id) => void done.push(`stop ${id}`),
    async start(id) {
      await more.start?.(id);
      done.push(`start ${id}`);
    },
    note: { read: async () => noted, write: async (ids) => void (noted = ids) },
    unmount() {
      more.unmount?.();
      done.push("unmount");
    },
    async mount() {
      await more.mount?.();
      done.push("mount");
    },
    sync: async () => void done.push("sync"),
    use: async () => more.use,
    onTrouble: (text) => void done.push(text),
  });
  sleeper.onAsleep = () => void done.push("hang up");
  const sleep = async (ifUnused = false): Promise<Asleep | undefined> => {
    await sleeper.sleep(ifUnused, (asleep) => void answers.push(asleep));
    return answers.at(-1);
  };
  return { sleeper, done, sleep, noted: () => noted };
}

test("what holds a mount is what sees anything of it", async () => {
  const all = [
    container("in", ["/home/ann/shop"]),
    container("above", ["/"]),
    container("beside", ["/home/anna", "/var/run/docker.sock"]),
    container("none", []),
  ];
  const held = await holding(all, ["/home/ann"], async () => []);
  expect(held.map(({ Id }) => Id)).toEqual(["in", "above"]);
});

test("a volume holds a mount only where it is made of a folder there", async () => {
  const unnamed = (name: string, Type: string): Container => ({
    ...container(name, []),
    Mounts: [{ Type, Source: "" }],
  });
  const all = [unnamed("db", "volume"), unnamed("site", "volume"), unnamed("cache", "tmpfs")];
  const folders = async (id: string): Promise<string[]> => (id === "site" ? ["/home/ann/site"] : []);
  expect((await holding(all, ["/home/ann"], folders)).map(({ Id }) => Id)).toEqual(["site"]);
});

test("containers with mounts are stopped, the newest first, and start again in the other order", async () => {
  const newestFirst = [container("web", ["/home/ann/web"]), container("alone", []), container("db", ["/home/ann/db"])];
  const { sleeper, done, sleep } = guestWith(newestFirst);
  expect(await sleep()).toEqual({ type: "asleep", stopped: ["web", "db"] });
  expect(done).toEqual(["stop web", "stop db", "unmount", "sync", "hang up"]);
  done.length = 0;
  await sleeper.wake();
  expect(done).toEqual(["mount", "start db", "start web"]);
  done.length = 0;
  await sleeper.wake();
  expect(done).toEqual([]);
});

test("who is stopped is noted before, and forgotten when it has started again", async () => {
  const seen: (readonly string[])[] = [];
  const guest = guestWith([container("web", ["/home/ann/web"]), container("db", ["/home/ann/db"])], {
    start: async () => void seen.push(guest.noted()),
    unmount: () => void seen.push(guest.noted()),
  });
  await guest.sleep();
  await guest.sleeper.wake();
  expect([seen, guest.noted()]).toEqual([Array.from({ length: 3 }, () => ["web", "db"]), []]);
});

test("an agent that finds a note starts who is in it, and none while the guest is asleep", async () => {
  const guest = guestWith([], { noted: ["web", "db"] });
  await guest.sleep();
  await guest.sleeper.startStopped();
  expect(guest.done).toEqual(["unmount", "sync", "hang up"]);
  await guest.sleeper.wake();
  expect([guest.done.slice(3), guest.noted()]).toEqual([["mount", "start db", "start web"], []]);
});

test("a container that does not start again is told of and forgotten; a Docker that does not answer forgets none", async () => {
  const gone = guestWith([], { noted: ["web"], start: () => Promise.reject(new Error("no such container")) });
  await gone.sleeper.startStopped();
  expect([gone.done, gone.noted()]).toEqual([
    ["The container web does not start again after a suspend: no such container"],
    [],
  ]);
  const silent = guestWith([], { noted: ["web"], list: () => Promise.reject(new Error("no answer")) });
  await silent.sleeper.startStopped();
  expect([silent.done, silent.noted()]).toEqual([["no answer"], ["web"]]);
});

const inTheWay: [string, Container, Parameters<typeof guestWith>[1], string][] = [
  ["is removed when it stops", container("once", ["/home/ann"]), { removed: ["once"] }, "removed when it stops (--rm)"],
  [
    "belongs to a swarm",
    container("task", ["/home/ann"], { "com.docker.swarm.task.id": "1" }),
    {},
    "a swarm would start it again",
  ],
];

for (const [name, one, more, words] of inTheWay) {
  test(`a container that ${name} is in the way, and nobody is stopped for nothing`, async () => {
    const { done, sleep } = guestWith([container("web", ["/home/ann/web"]), one], more);
    const answer = await sleep();
    expect([answer?.refusal?.includes(words), answer?.stopped, done]).toEqual([true, [], ["mount"]]);
  });
}

test("a guest that cannot unmount has everything again before it says so", async () => {
  const unmount = (): void => {
    throw new Error("bash (12) uses /home/ann, a folder of this machine.");
  };
  const { done, sleep } = guestWith([container("web", ["/home/ann/web"])], { unmount });
  expect((await sleep())?.refusal).toBe("bash (12) uses /home/ann, a folder of this machine.");
  expect(done).toEqual(["stop web", "mount", "start web"]);
});

test("a host that links while the guest lets go finds it awake", async () => {
  const { sleeper, done, sleep } = guestWith([]);
  const [answer] = await Promise.all([sleep(), sleeper.wake()]);
  expect([answer?.refusal, done]).toEqual(["The host has linked to it anew.", ["unmount", "sync", "mount"]]);
});

test("a guest that is to sleep while it comes back sleeps once it is, and comes back once however often it is linked to", async () => {
  const { promise: mayMount, resolve } = Promise.withResolvers<void>();
  const { sleeper, done, sleep } = guestWith([container("web", ["/home/ann/web"])], { mount: () => mayMount });
  await sleep();
  done.length = 0;
  const all = [sleeper.wake(), sleeper.wake(), sleep()] as const;
  resolve();
  const [, , answer] = await Promise.all(all);
  expect(answer).toEqual({ type: "asleep", stopped: ["web"] });
  expect(done).toEqual(["mount", "start web", "stop web", "unmount", "sync", "hang up"]);
});

test("who asks for sleep while the guest lets go is refused, and a host that has linked meanwhile finds it awake", async () => {
  const { sleeper, done, sleep } = guestWith([]);
  const first = sleep();
  await sleeper.wake();
  expect((await sleep())?.refusal).toBe("It is being suspended already.");
  expect([(await first)?.refusal, done]).toEqual(["The host has linked to it anew.", ["unmount", "sync", "mount"]]);
});

test("a container is not made while the host's folders are away", async () => {
  const { sleeper, done, sleep } = guestWith([]);
  const create = { kind: "create", mounts: () => ({}) } as const;
  await sleeper.hooks.beforeRequest?.(create);
  await sleep();
  const made = Promise.resolve(sleeper.hooks.beforeRequest?.(create)).then(() => done.push("made"));
  await sleeper.hooks.beforeRequest?.({ kind: "other" });
  await sleeper.wake();
  await made;
  expect(done).toEqual(["unmount", "sync", "hang up", "mount", "made"]);
});

test("a guest in which something is in use does not let go of anything where that is asked for", async () => {
  const { done, sleep } = guestWith([container("web", ["/home/ann/web"])], { use: "The container web runs." });
  expect(await sleep(true)).toEqual({ type: "asleep", stopped: [], refusal: "The container web runs." });
  expect(done.filter((step) => step !== "mount")).toEqual([]);
  expect(await sleep()).toEqual({ type: "asleep", stopped: ["web"] });
});
