/** The hooks of the agent's rooms as one plugin's. */
import { expect, test } from "bun:test";
import type { DockerCall } from "../../../../src/agent/docker/call.ts";
import { type CallHooks, inOrder } from "../../../../src/agent/docker/hooks.ts";
import { QnError } from "../../../../src/base/errors.ts";
import { failureOf } from "../../../support/failures.ts";

const start = { method: "POST", uri: "/containers/web/start", body: undefined };

test("each room is given the same call, one after the other", async () => {
  const calls: [string, DockerCall][] = [];
  const room = (name: string): CallHooks => ({
    async beforeRequest(call) {
      await Bun.sleep(name === "first" ? 5 : 0);
      calls.push([name, call]);
    },
    beforeAnswer: async (call) => void calls.push([`${name} answer`, call]),
  });
  const hooks = inOrder([room("first"), {}, room("second")]);
  await hooks.beforeRequest(start);
  await hooks.beforeAnswer?.(start);
  expect(calls.map(([name]) => name)).toEqual(["first", "second", "first answer", "second answer"]);
  expect(calls[0]?.[1]).toEqual({ kind: "start", id: "web" });
  expect([calls[0]?.[1] === calls[1]?.[1], calls[2]?.[1] === calls[3]?.[1]]).toEqual([true, true]);
});

test("the first room that refuses a call ends it", async () => {
  const seen: string[] = [];
  const refuse = async (): Promise<never> => {
    throw new QnError("AGENT_FAILED", "no");
  };
  const hooks = inOrder([
    { beforeRequest: async () => void seen.push("first") },
    { beforeRequest: refuse, beforeAnswer: refuse },
    { beforeRequest: async () => void seen.push("never"), beforeAnswer: async () => void seen.push("never") },
  ]);
  expect((await failureOf(() => hooks.beforeRequest(start))).message).toBe("no");
  expect((await failureOf(async () => await hooks.beforeAnswer?.(start))).message).toBe("no");
  expect(seen).toEqual(["first"]);
});

test("what has lost its words is refused when any room says so, and its answer waits for all", async () => {
  const seen: string[] = [];
  const lost = (name: string): CallHooks => ({ beforeLostAnswer: async () => void seen.push(name) });
  const hooks = inOrder([lost("one"), { refuseLost: "Please try again." }, lost("two")]);
  await hooks.beforeLostAnswer?.();
  expect([hooks.refuseLost, seen]).toEqual(["Please try again.", ["one", "two"]]);
  expect(inOrder([lost("one")]).refuseLost).toBeUndefined();
});
