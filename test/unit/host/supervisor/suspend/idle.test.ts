/** When a VM that nobody uses is suspended, what keeps it awake, and what a person hears of that. */
import { expect, test } from "bun:test";
import { QnError } from "../../../../../src/base/errors.ts";
import { turn } from "../../../../../src/system/clock.ts";
import { Idle } from "../../../../../src/host/supervisor/suspend/idle.ts";
import { idleTime, minuteMs } from "../../../../support/idle-time.ts";

/** A VM that runs, and what it has told so far. */
function scene() {
  const { clock, pass } = idleTime();
  const guest = { use: undefined as string | undefined, connections: 0, onAsk: () => {}, isCalm: async () => false };
  /** How many connections ssh has, and how many of them are masters without anybody to serve. */
  const ssh = { connections: 0, masters: 0 };
  const told: string[] = [];
  const idle: Idle = new Idle(
    clock,
    () => ({
      seam: {
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- and of a forward its port and its clients
        forwards: [{ hostPort: 8080, connections: guest.connections }] as never,
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- and whether it is calm
        calm: { isReached: () => guest.isCalm() } as never,
        use: {
          ask: async () => {
            guest.onAsk();
            return guest.use;
          },
        } as never,
      },
    }),
    {
      connections: () => ssh.connections + ssh.masters,
      dismissMasters: async () => void (ssh.masters = 0),
    },
    {
      dispatch({ type }) {
        told.push(type);
        // The state machine's part of it, which is done by then.
        if (type === "wake") idle.stateIs("running");
      },
      warn: (text) => void told.push(`warned: ${text}`),
      log: (text) => void told.push(text),
    },
  );
  const follow = (minutes: { sleep?: number; pause?: number; wake?: number }): void =>
    idle.follow({
      sleepMs: minutes.sleep && minutes.sleep * minuteMs,
      pauseMs: minutes.pause && minutes.pause * minuteMs,
      wakeMs: minutes.wake && minutes.wake * minuteMs,
    });
  follow({ sleep: 15 });
  idle.stateIs("running");
  /** What is told in so many minutes. */
  const passing = async (minutes: number): Promise<string[]> => {
    pass(minutes);
    await turn();
    return told.splice(0);
  };
  return { idle, clock, follow, guest, ssh, passing };
}

test("a VM that nobody uses is suspended when the time is over, once", async () => {
  const { passing } = scene();
  expect([await passing(14), await passing(1), await passing(60)]).toEqual([[], ["suspend"], []]);
});

test("what is in use begins the time anew, and is told when it is something else", async () => {
  const { guest, passing } = scene();
  guest.use = "The container web runs.";
  expect([await passing(15), await passing(15)]).toEqual([["stays awake: The container web runs."], []]);
  guest.connections = 2;
  expect(await passing(15)).toEqual(["stays awake: Port 8080 has clients."]);
  guest.connections = 0;
  guest.use = undefined;
  expect([await passing(14), await passing(1)]).toEqual([[], ["suspend"]]);
});

test("a connection of ssh's that serves nobody keeps no VM awake, and ends; one that does keeps it awake", async () => {
  const { ssh, passing } = scene();
  Object.assign(ssh, { connections: 1, masters: 1 });
  expect([await passing(15), ssh.masters]).toEqual([["stays awake: ssh has 1 connection."], 0]);
  Object.assign(ssh, { connections: 0, masters: 1 });
  expect(await passing(15)).toEqual(["suspend"]);
});

test("whoever comes while the guest is asked keeps it awake", async () => {
  const { clock, guest, passing } = scene();
  guest.onAsk = () => clock.used();
  expect(await passing(15)).toEqual([]);
});

test("what cannot be saved is tried again after an hour, and a person hears of each reason once", async () => {
  const { idle, passing } = scene();
  const fails = async (why: string): Promise<string[]> => {
    idle.stateIs("suspending");
    idle.stateIs("degraded");
    idle.failed(new QnError("SUSPEND_REFUSED", why));
    idle.stateIs("running");
    return await passing(0);
  };
  expect(await passing(15)).toEqual(["suspend"]);
  expect(await fails("No space.")).toEqual(["warned: Nobody uses the VM, but it stays awake. No space."]);
  expect([await passing(59), await passing(1)]).toEqual([[], ["suspend"]]);
  expect(await fails("No space.")).toEqual([]);
  expect([await passing(59), await passing(1)]).toEqual([[], ["suspend"]]);
  expect(await fails("Another.")).toEqual(["warned: Nobody uses the VM, but it stays awake. Another."]);
});

test("a container keeps a VM from falling asleep, and not from being paused", async () => {
  const { idle, follow, guest, passing } = scene();
  follow({ sleep: 15, pause: 5 });
  idle.stateIs("running");
  guest.use = "The container web runs.";
  expect([await passing(4), await passing(1)]).toEqual([[], ["pause"]]);
  idle.stateIs("paused");
  expect(await passing(60)).toEqual([]);
  guest.connections = 1;
  idle.stateIs("running");
  expect([await passing(5), await passing(10)]).toEqual([
    ["stays awake: Port 8080 has clients."],
    ["stays awake: Port 8080 has clients."].slice(1),
  ]);
});

test("a VM in which nothing is in use is paused first, and falls asleep when the time for that is over", async () => {
  const { idle, clock, follow, passing } = scene();
  // There is nothing in it that would be due by the clock.
  follow({ sleep: 15, pause: 5, wake: 1 });
  idle.stateIs("running");
  expect(await passing(5)).toEqual(["pause"]);
  idle.stateIs("paused");
  expect([await passing(9), await passing(1)]).toEqual([[], ["suspend"]]);
  // Where sleep comes first, a container that runs then leaves the pause its time.
  follow({ sleep: 5, pause: 15 });
  idle.stateIs("running");
  expect([await passing(4), (clock.used(), await passing(4)), await passing(1)]).toEqual([[], [], ["suspend"]]);
});

test("the time does not count in a VM that does not run, nor where it never ends", async () => {
  const { idle, follow, passing } = scene();
  idle.stateIs("degraded");
  expect(await passing(60)).toEqual([]);
  follow({});
  idle.stateIs("running");
  expect(await passing(600)).toEqual([]);
});

/** A VM that is paused with a container, and goes on by itself after 30 minutes; what ends a moment of it. */
async function momentScene() {
  const it = scene();
  it.follow({ pause: 5, wake: 30 });
  it.guest.use = "The container web runs.";
  it.idle.stateIs("running");
  expect(await it.passing(5)).toEqual(["pause"]);
  it.idle.stateIs("paused");
  /** What comes of the guest's answer, once it has been told to go on. */
  const goesOn = async (): Promise<string[]> => {
    it.idle.wentOn();
    return await it.passing(0);
  };
  return { ...it, goesOn };
}

const moment = ["goes on for a moment, for what is due by the clock", "wake"];

test("a VM that is paused goes on after the time for that, and is paused again once it is calm", async () => {
  const { idle, guest, passing, goesOn } = await momentScene();
  for (let round = 0; round < 3; round += 1) {
    expect(Math.round((idle.goesOnInMs ?? 0) / minuteMs)).toBe(30);
    expect([await passing(29), await passing(1)]).toEqual([[], moment]);
    const calm = Promise.withResolvers<boolean>();
    guest.isCalm = () => calm.promise;
    expect([await goesOn(), await passing(4), idle.goesOnInMs]).toEqual([[], [], undefined]);
    calm.resolve(true);
    await turn();
    expect(await passing(0)).toEqual(["is calm", "pause"]);
    idle.stateIs("paused");
  }
});

test("one that is never calm, or has an agent that does not know, is paused when nobody has used it for long enough", async () => {
  for (const answer of [false, undefined]) {
    const { guest, passing, goesOn } = await momentScene();
    guest.isCalm = async () => answer ?? (await new Promise(() => {}));
    expect([await passing(30), await goesOn(), await passing(4), await passing(1)]).toEqual([
      moment,
      [],
      [],
      ["pause"],
    ]);
  }
});

test("whoever comes in the moment keeps it going for as long as ever", async () => {
  const comers: readonly (readonly [(it: Awaited<ReturnType<typeof momentScene>>) => void, ...string[]])[] = [
    [({ clock }) => clock.used()],
    [({ clock }) => void clock.begin()],
    [({ idle }) => idle.stateIs("degraded")],
    [({ guest }) => (guest.connections = 1), "is calm", "stays awake: Port 8080 has clients."],
    [({ ssh }) => (ssh.connections = 1), "is calm", "stays awake: ssh has 1 connection."],
  ];
  for (const [comes, ...told] of comers) {
    const it = await momentScene();
    const calm = Promise.withResolvers<boolean>();
    it.guest.isCalm = () => calm.promise;
    expect([await it.passing(30), await it.goesOn()]).toEqual([moment, []]);
    comes(it);
    calm.resolve(true);
    await turn();
    expect(await it.passing(0)).toEqual(told);
  }
});

test("a VM whose last container has ended in the moment falls asleep later, and goes on no more by itself", async () => {
  const { idle, follow, guest, passing, goesOn } = await momentScene();
  follow({ sleep: 15, pause: 5, wake: 30 });
  guest.isCalm = async () => true;
  expect(await passing(30)).toEqual(moment);
  guest.use = undefined;
  expect(await goesOn()).toEqual(["is calm", "pause"]);
  idle.stateIs("paused");
  expect([idle.goesOnInMs, await passing(9), await passing(1)]).toEqual([undefined, [], ["suspend"]]);
});
