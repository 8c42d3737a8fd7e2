/** Changes that take the guest long: the host's answers are heard meanwhile, and what waits is bounded. */
import { expect, test } from "bun:test";
import { HostLink } from "../../../../src/agent/link/link.ts";
import { dial } from "../../../../src/host/gate/dial.ts";
import { encode } from "../../../../src/protocol/frame.ts";
import type { HostMessage } from "../../../../src/protocol/messages.ts";
import { realGate } from "../../../support/gates.ts";
import { until } from "../../../support/until.ts";

const identity = { version: "0.1.0", arch: "x86_64", image: "debian 1" } as const;

/** 64 files, and about 64 times `letters` bytes. */
function changes(letters: number): HostMessage {
  const files = Array.from({ length: 64 }, (_unused, index) => `/${index}`.padEnd(letters, "x"));
  return { type: "changes", there: [], gone: [], folders: [], files };
}

/** An agent that takes no changes before `taken` resolves, and its host. */
async function slowAgent() {
  const taken = Promise.withResolvers<void>();
  const agent = new HostLink(identity);
  let heard = 0;
  let served = Promise.withResolvers<number>();
  agent.onChanges = async () => {
    heard += 1;
    await taken.promise;
  };
  agent.onServed = (report) => {
    served.resolve(report);
    served = Promise.withResolvers();
  };
  const gate = realGate({ onControl: (connection, early) => agent.adopt(connection, early) });
  const link = async (): Promise<(message: HostMessage, times?: number) => void> => {
    const { connection } = await dial(gate.key);
    connection.write(encode({ open: "control" }));
    return (message: HostMessage, times = 1) => void connection.write(encode(message).repeat(times));
  };
  return {
    taken,
    link,
    heard: () => heard,
    nextServed: async () => await served.promise,
    [Symbol.dispose]: () => gate[Symbol.dispose](),
  };
}

const served = (report: number): HostMessage => ({ type: "served", report, failed: [] });

test("an answer of the host is heard while changes of thousands of files are still being taken", async () => {
  using agent = await slowAgent();
  const tell = await agent.link();
  const answered = agent.nextServed();
  tell(changes(40), 200);
  tell(served(7));
  expect([await answered, agent.heard()]).toEqual([7, 200]);
  agent.taken.resolve();
});

test("a host that tells of more than the guest can keep waits until it is taken", async () => {
  using agent = await slowAgent();
  const tell = await agent.link();
  // 272,640 bytes each as they are counted: the 124th is past 32 MiB.
  for (let told = 0; told < 200; told += 1) tell(changes(4_000));
  tell(served(1));
  const last = agent.nextServed();
  await until("as much to be heard as the agent keeps", 10_000, () => (agent.heard() >= 124 ? true : undefined));
  // Time enough for the rest, if it were read.
  await Bun.sleep(500);
  expect(agent.heard()).toBe(124);
  agent.taken.resolve();
  expect([await last, agent.heard()]).toEqual([1, 200]);
});
