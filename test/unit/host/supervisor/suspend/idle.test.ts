/** When a VM that nobody uses is suspended, what keeps it awake, and what a person hears of that. */
import { expect, test } from "bun:test";
import { QnError } from "../../../../../src/base/errors.ts";
import { turn } from "../../../../../src/system/clock.ts";
import { Idle } from "../../../../../src/host/supervisor/suspend/idle.ts";
import { idleTime, minuteMs } from "../../../../support/idle-time.ts";

/** A VM that runs, and what it has told so far. */
function scene() {
  const { clock, pass } = idleTime();
  const guest = { use: undefined as string | undefined, connections: 0, onAsk: () => {} };
  /** How many connections ssh has, and how many of them are masters without anybody to serve. */
  const ssh = { connections: 0, masters: 0 };
  const told: string[] = [];
  const idle = new Idle(
    clock,
    () => ({
      seam: {
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- and of a forward its port and its clients
        forwards: [{ hostPort: 8080, connections: guest.connections }] as never,
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
      dispatch: ({ type }) => void told.push(type),
      warn: (text) => void told.push(`warned: ${text}`),
      log: (text) => void told.push(text),
    },
  );
  idle.follow({ sleepMs: 15 * minuteMs, pauseMs: undefined });
  idle.stateIs("running");
  /** What is told in so many minutes. */
  const passing = async (minutes: number): Promise<string[]> => {
    pass(minutes);
    await turn();
    return told.splice(0);
  };
  return { idle, clock, guest, ssh, passing };
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
  const { idle, guest, passing } = scene();
  idle.follow({ sleepMs: 15 * minuteMs, pauseMs: 5 * minuteMs });
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
  const { idle, clock, passing } = scene();
  idle.follow({ sleepMs: 15 * minuteMs, pauseMs: 5 * minuteMs });
  idle.stateIs("running");
  expect(await passing(5)).toEqual(["pause"]);
  idle.stateIs("paused");
  expect([await passing(9), await passing(1)]).toEqual([[], ["suspend"]]);
  // Where sleep comes first, a container that runs then leaves the pause its time.
  idle.follow({ sleepMs: 5 * minuteMs, pauseMs: 15 * minuteMs });
  idle.stateIs("running");
  expect([await passing(4), (clock.used(), await passing(4)), await passing(1)]).toEqual([[], [], ["suspend"]]);
});

test("the time does not count in a VM that does not run, nor where it never ends", async () => {
  const { idle, passing } = scene();
  idle.stateIs("degraded");
  expect(await passing(60)).toEqual([]);
  idle.follow({ sleepMs: undefined, pauseMs: undefined });
  idle.stateIs("running");
  expect(await passing(600)).toEqual([]);
});
