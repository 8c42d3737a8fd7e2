/** A VM with a second card in a bridge of this machine's: its address there, what answers at it, and macvlan in that network. */
import { expect } from "bun:test";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type Bridge, mayBridge, newBridge } from "../support/bridge.ts";
import { page } from "../support/busybox.ts";
import { containers, makeRoot, pageFrom, pagesAt } from "../support/nspawn.ts";
import { inGuest } from "../support/stand-in-nixos.ts";
import { freePort, knock, until } from "../support/until.ts";
import { bootVm, testWithVm, type Vm } from "../support/vm.ts";

let bridge: Bridge;

/** A VM in the bridge, which is unmade with it. */
async function inBridge(): Promise<Vm> {
  bridge = await newBridge();
  try {
    const vm = await bootVm({
      before: async ({ folder }) => {
        await mkdir(folder, { recursive: true, mode: 0o700 });
        await Bun.write(join(folder, "config.yaml"), JSON.stringify({ network: { tap: bridge.tap } }));
      },
    });
    return {
      ...vm,
      async [Symbol.asyncDispose]() {
        await vm[Symbol.asyncDispose]();
        await bridge[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await bridge[Symbol.asyncDispose]();
    throw error;
  }
}

const test = testWithVm(inBridge, { lacks: !mayBridge });

test("the guest takes an address of that network, and this machine stays its way out and its resolver", async (vm) => {
  const address = await until("an address on the card lan", 60_000, async () => {
    const said = await inGuest(vm.folder, "ip -4 -brief address show dev lan");
    return /\d+\.\d+\.\d+\.\d+/.exec(said)?.[0];
  });
  expect(address).toBe(bridge.given);
  const [first, second] = (await inGuest(vm.folder, "ip -4 route show default")).split("\n");
  expect(first).toStartWith("default via 10.0.2.2 dev uplink");
  expect(second).toStartWith(`default via ${bridge.own} dev lan`);
  expect(await inGuest(vm.folder, "cat /etc/resolv.conf")).not.toContain(bridge.own);
});

test("what a container publishes answers in that network, and qn's own doors do not", async (vm) => {
  const port = await freePort();
  const server = ["httpd", "-f", "-p", "80", "-h", "/www"];
  const id = await vm.docker("run", "--detach", "--init", "--publish", `${port}:80`, "busybox", ...server);
  expect(await pageFrom(`http://${bridge.given}:${port}/`)).toBe(page);
  expect(await pageFrom(`http://127.0.0.1:${port}/`)).toBe(page);
  expect(await Promise.all([1021, 1022].map((door) => knock(bridge.given, door)))).toEqual(["timeout", "timeout"]);
  await vm.docker("rm", "--force", id);
});

test("a machine of systemd-nspawn with macvlan has an address of its own there, beside the guest's", async (vm) => {
  // What NixOS' containers make of `macvlans = [ "lan" ]`.
  const options = "--quiet --directory=/var/lib/machines/alone --machine=alone --network-macvlan=lan";
  const init = pagesAt("mv-lan", `${bridge.free}/24`);
  const run = `systemd-run --quiet --unit=alone systemd-nspawn ${options} /bin/sh -c '${init}'`;
  await makeRoot(vm, "/var/lib/machines/alone");
  await inGuest(vm.folder, run);
  expect(await pageFrom(`http://${bridge.free}/`)).toBe(page);
  expect(await containers(vm)).toEqual([
    { name: "alone", state: "running", addresses: expect.arrayContaining([bridge.free]) },
  ]);
  // It is a neighbour of this machine's with a card of its own.
  const neighbours = await vm.succeed(["ip", "neighbour", "show"]);
  const cards = [bridge.given, bridge.free].map(
    (address) => new RegExp(`^${address} .* lladdr (\\S+)`, "m").exec(neighbours)?.[1],
  );
  expect(new Set([...cards, undefined]).size).toBe(3);
  const back = await vm.qn("container", "shell", "alone", "--", "ip", "-4", "route", "get", bridge.own);
  expect(back).toContain("dev mv-lan");
  await vm.qn("container", "stop", "alone");
  // Its server ends before it does.
  await until("an address that nobody has", 60_000, async () => {
    return ["EHOSTUNREACH", "timeout"].includes(await knock(bridge.free, 80)) || undefined;
  });
});
