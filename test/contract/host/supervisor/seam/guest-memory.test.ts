/** The guest is asked how much memory it uses: agents that answer, that do not, and that say what nobody asked. */
import { expect, test } from "bun:test";
import { GuestMemory } from "../../../../../src/host/supervisor/seam/guest-memory.ts";
import { type HostMessage, parseAgentMessage } from "../../../../../src/protocol/messages.ts";

/** An agent that answers the question with this number by what `answer` does. */
function asked(answer: (memory: GuestMemory, ask: number) => void, capabilities = ["memory"]) {
  const told: HostMessage[] = [];
  const memory: GuestMemory = new GuestMemory(
    () => ({
      hello: { type: "hello", protocol: 2, version: "0.1.0", capabilities },
      tell(message) {
        told.push(message);
        if (message.type === "memory") answer(memory, message.ask);
      },
    }),
    50,
  );
  return { memory, told };
}

const says = (answers: number, usedBytes: number) => ({ type: "memory", answers, usedBytes }) as const;

test("the answer is that of the question", async () => {
  const { memory } = asked((it, ask) => {
    it.answered(says(ask + 1, 1));
    it.answered(says(ask, 300));
    it.answered(says(ask, 400));
  });
  expect(await memory.usedBytes()).toBe(300);
});

test("a guest that says nothing keeps nobody waiting for long, and what it says later is nobody's", async () => {
  const { memory } = asked(() => {});
  expect(await memory.usedBytes()).toBeUndefined();
  memory.answered(says(1, 300));
  expect(await memory.usedBytes()).toBeUndefined();
});

test("without a guest, or with one that is too old, nobody is asked", async () => {
  const { memory, told } = asked(() => {}, ["clock"]);
  expect(await memory.usedBytes()).toBeUndefined();
  expect(told).toEqual([]);
  expect(await new GuestMemory(() => undefined).usedBytes()).toBeUndefined();
});

test("a guest cannot say that it uses less than nothing, or more than a number holds", () => {
  const line = (usedBytes: number) => JSON.stringify(says(1, usedBytes));
  expect(parseAgentMessage(line(300))).toEqual(says(1, 300));
  for (const usedBytes of [-1, 0.5, 2 ** 60]) expect(() => parseAgentMessage(line(usedBytes))).toThrow();
});
