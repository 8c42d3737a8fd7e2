/** A guest that becomes another one: who had come in by the secret of before is shut out. */
import { expect, test } from "bun:test";
import { HostLink } from "../../../../src/agent/link/link.ts";
import { dial } from "../../../../src/host/gate/dial.ts";
import { encode } from "../../../../src/protocol/frame.ts";
import { type Boot, parseAgentMessage } from "../../../../src/protocol/messages.ts";
import { realGate } from "../../../support/gates.ts";
import { testBoot } from "../../../support/boot.ts";

const identity = { version: "0.1.0", arch: "x86_64", image: "debian 1" } as const;
const renewal = (boot: Boot) => encode({ type: "renew", boot, seed: "00".repeat(32) });

/** An agent behind a gate, and hosts that are linked to it. */
function renewable(onRenew: HostLink["onRenew"]) {
  const agent = new HostLink(identity);
  agent.onRenew = onRenew;
  const gate = realGate({ onControl: (connection, early) => agent.adopt(connection, early) });
  const link = async () => {
    const { connection, lines } = await dial(gate.key);
    connection.write(encode({ open: "control" }));
    const next = async (type: string) => {
      for (;;) {
        const message = parseAgentMessage(await lines.next());
        if (message?.type === type) return message;
      }
    };
    await next("docker");
    return { connection, lines, next };
  };
  return { link, [Symbol.dispose]: () => gate[Symbol.dispose]() };
}

test("the host that makes it another one stays linked, all others are shut out", async () => {
  const told: string[] = [];
  using guest = renewable(async ({ boot }) => void told.push(boot.secret));
  const [stranger, host] = [await guest.link(), await guest.link()];
  const boot = testBoot({ secret: "ab".repeat(32) });
  host.connection.write(renewal(boot));
  expect(await host.next("renewed")).toEqual({ type: "renewed" });
  expect(told).toEqual([boot.secret]);
  await expect(stranger.lines.next()).rejects.toThrow();
});

test("a guest that cannot become another one says why", async () => {
  using guest = renewable(() => Promise.reject(new Error("no room")));
  const host = await guest.link();
  host.connection.write(renewal(testBoot({})));
  expect(await host.next("renewed")).toEqual({ type: "renewed", refusal: "no room" });
});
