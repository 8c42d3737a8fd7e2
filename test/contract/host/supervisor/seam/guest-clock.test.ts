/** The guest's clock, through the real gate and link: looked at when it may be wrong, set when it is, and whoever sleeps on. */
import { expect, spyOn, test } from "bun:test";
import { mkdir, rm } from "node:fs/promises";
import { type Clocks, GuestClock } from "../../../../../src/agent/setup/clock.ts";
import { HostLink } from "../../../../../src/agent/link/link.ts";
import { layoutOf } from "../../../../../src/host/layout.ts";
import { GuestDisks } from "../../../../../src/host/supervisor/seam/guest-disks.ts";
import { Provisioning } from "../../../../../src/host/supervisor/seam/provision.ts";
import { Doors } from "../../../../../src/host/supervisor/seam/doors.ts";
import { Seam } from "../../../../../src/host/supervisor/seam/seam.ts";
import { compareClocks } from "../../../../../src/system/kernel/time-jumps.ts";
import { connect } from "../../../../../src/system/net/connection.ts";
import { isThere } from "../../../../../src/system/files.ts";
import { nothingNamed, realGate } from "../../../../support/gates.ts";
import { tempHome } from "../../../../support/temp-home.ts";
import { until } from "../../../../support/until.ts";

/** A guest's clock that is `offMs` ahead of this machine's, and how often it was set. */
function guestClocks(offMs: number): Clocks & { offMs: number; sets: number } {
  const clocks = {
    offMs,
    sets: 0,
    wall: () => Date.now() + clocks.offMs,
    steady: () => performance.now(),
    set: (ms: number) => {
      clocks.offMs = ms - Date.now();
      clocks.sets += 1;
    },
  };
  return clocks;
}

/** A linked seam whose machine's clock jumps when the test says so, and an agent with a clock of its own. */
async function scene(offMs: number) {
  const quiet = spyOn(process.stderr, "write").mockImplementation(() => true);
  const home = await tempHome({ images: false });
  const paths = layoutOf(home.path).vm("default");
  await mkdir(paths.folder, { recursive: true });
  const clocks = guestClocks(offMs);
  const agent = new HostLink({ version: "0.1.0", arch: "x86_64", image: "debian 1" });
  const said: string[] = [];
  const clock = new GuestClock((text) => said.push(text), clocks);
  let isAsleep = false;
  agent.onClock = (message, ask) => {
    if (!isAsleep) clock.hear(message, ask);
  };
  const controls: unknown[] = [];
  const gate = realGate({
    onControl: (connection, early) => {
      controls.push(connection);
      agent.adopt(connection, early);
    },
  });
  let jump = (): void => {};
  const events: string[] = [];
  const logged: string[] = [];
  const doors = new Doors(paths, () => {});
  const seam = new Seam({
    doors,
    paths,
    version: "0.1.0",
    watched: { shared: [], hidden: home.path, exclude: [], entriesMax: 0, mark: "m" },
    resolvConf: "/nowhere/resolv.conf",
    answer: async (question) => question,
    rules: { bind: "loopback", deny: [] },
    key: gate.key,
    onDocker: async () => {},
    dispatch: ({ type }) => events.push(type),
    onForwards: () => {},
    ...nothingNamed,
    provisioning: new Provisioning(0, { dispatch: () => {}, onProvision: () => {}, warn: () => {} }),
    disks: { guest: new GuestDisks({ warn: () => {}, log: () => {} }), volumes: 0 },
    warn: () => {},
    log: (text) => logged.push(text),
    wakeMs: 50,
    watchJumps: (onJump) => {
      jump = onJump;
      return { close: () => {} };
    },
  });
  seam.dial();
  return {
    paths,
    clocks,
    said,
    events,
    logged,
    seam,
    links: () => controls.length,
    jump: () => jump(),
    sleep: (asleep: boolean) => (isAsleep = asleep),
    isRight: () => until("the right time", 10_000, async () => (Math.abs(clocks.offMs) < 100 ? true : undefined)),
    async [Symbol.asyncDispose]() {
      seam.close();
      doors.close();
      gate[Symbol.dispose]();
      await home[Symbol.asyncDispose]();
      quiet.mockRestore();
    },
  };
}

test("a guest's clock that is wrong is set as soon as there is a link, and again after each jump of the host's", async () => {
  await using it = await scene(-3_600_000);
  await it.isRight();
  it.clocks.offMs = 90_000;
  it.jump();
  await it.isRight();
  expect([it.clocks.sets, it.said]).toEqual([
    2,
    ["The guest's clock was 3600.0 s slow and is set.", "The guest's clock was 90.0 s fast and is set."],
  ]);
});

test("a clock that is right enough is left alone", async () => {
  await using it = await scene(-40);
  await until("a link", 10_000, async () => (it.events.includes("linked") ? true : undefined));
  it.jump();
  // The next thing that the agent is asked is answered after the clock's two questions.
  await until("two looks", 10_000, async () => (it.logged.some((text) => text.includes("slept")) ? true : undefined));
  expect(it.clocks.sets).toBe(0);
});

test("an answer that took long is asked for again, and counts no more than it says", () => {
  const asked: number[] = [];
  const clocks = guestClocks(-5_000);
  const clock = new GuestClock(() => {}, clocks);
  const ask = (when: number): void => void asked.push(when);
  clock.hear({ type: "clock" }, ask);
  for (let tries = 0; tries < 10; tries += 1) {
    clock.hear({ type: "clock", answer: { asked: performance.now() - 30_000, nowMs: Date.now() - 15_000 } }, ask);
  }
  // Half a minute of doubt is more than these five seconds.
  expect([asked.length, clocks.sets]).toEqual([8, 0]);
  // One that came at once says it all.
  clock.hear({ type: "clock" }, ask);
  clock.hear({ type: "clock", answer: { asked: performance.now() - 30_000, nowMs: 0 } }, ask);
  clock.hear({ type: "clock", answer: { asked: performance.now(), nowMs: Date.now() } }, ask);
  expect([clocks.sets, Math.abs(clocks.offMs) < 100]).toEqual([1, true]);
});

test("an agent that does not wake up is dialled anew, and one that does is not", async () => {
  await using it = await scene(0);
  await until("a link", 10_000, async () => (it.events.includes("linked") ? true : undefined));
  it.sleep(true);
  it.jump();
  await until("another link", 10_000, async () => (it.links() === 2 ? true : undefined));
  expect(it.logged).toContain("lost the agent: it has not answered for 0.05 s since it should be awake");
  expect(it.events.filter((event) => event !== "docker-down").slice(0, 2)).toEqual(["linked", "link-lost"]);
});

test("a Docker socket whose file is gone is opened again after a jump", async () => {
  await using it = await scene(0);
  const { dockerSocket } = it.paths;
  await until("a link", 10_000, async () => (it.events.includes("linked") ? true : undefined));
  it.seam.pingDocker();
  await until("a socket", 10_000, async () => ((await isThere(dockerSocket)) ? true : undefined));
  await rm(dockerSocket);
  it.jump();
  await until("a socket", 10_000, async () => ((await isThere(dockerSocket)) ? true : undefined));
  (await connect({ unix: dockerSocket })).reset();
});

test("where nobody tells of jumps two clocks are compared, and drift is none", async () => {
  let wall = 0;
  let jumps = 0;
  const watch = compareClocks(() => (jumps += 1), { wall: () => (wall += 5), steady: () => 0 });
  await Bun.sleep(1_500);
  expect(jumps).toBe(0);
  wall += 60_000;
  await until("a jump", 5_000, async () => (jumps === 1 ? true : undefined));
  watch.close();
});
