/** Disks that grow while their VM runs: on a monitor over a real socket, and links whose agents behave or not. */
import { expect, test } from "bun:test";
import { connectQmp } from "../../../../../src/host/qmp/client.ts";
import type { SizedDisk } from "../../../../../src/host/image/disk.ts";
import { GuestDisks } from "../../../../../src/host/supervisor/seam/guest-disks.ts";
import type { DiskState } from "../../../../../src/protocol/disk-messages.ts";
import type { HostMessage } from "../../../../../src/protocol/messages.ts";
import { failureOf } from "../../../../support/failures.ts";
import { startFakeQmp } from "../../../../support/fake-qmp.ts";

const GiB = 1024 ** 3;
const data = (sizeGiB: number): SizedDisk => ({ name: "data", path: "/d/vm.raw", sizeGiB });
const db = (sizeGiB: number): SizedDisk => ({ name: "db", path: "/d/vm.disks/db.raw", sizeGiB });

type Sent = { readonly "node-name": string; readonly size: number };

/** A QEMU with a data disk of 2 GiB, a further one of 1, and an image; it makes no disk larger than 100 GiB. */
async function scene(options: { followMs?: number } = {}) {
  const sizes = new Map([
    ["image", 6 * GiB],
    ["data", 2 * GiB],
    ["disk-db", GiB],
  ]);
  const resized: string[] = [];
  const qmp = await startFakeQmp({
    onCommand({ execute, id, arguments: sent }, peer) {
      if (execute === "query-named-block-nodes") {
        const nodes = [...sizes].map(([name, size]) => ({ "node-name": name, image: { "virtual-size": size } }));
        return peer.reply(id, nodes);
      }
      const { "node-name": node, size } = sent as Sent;
      if (size > 100 * GiB) {
        const error = { class: "GenericError", desc: "Failed to resize: File too large" };
        return peer.send(`${JSON.stringify({ id, error })}\r\n`);
      }
      resized.push(`${node} ${size / GiB}`);
      sizes.set(node, size);
      peer.reply(id, {});
    },
  });
  const monitor = await connectQmp(qmp.socketPath);
  const warned: string[] = [];
  const disks = new GuestDisks({ warn: (text) => warned.push(text), log: () => {}, ...options });
  return {
    disks,
    monitor,
    resized,
    warned,
    async [Symbol.asyncDispose]() {
      await monitor[Symbol.asyncDispose]();
      await qmp[Symbol.asyncDispose]();
    },
  };
}

/** A link to an agent, and what it was told. */
function linkTo(disks: GuestDisks, answer: (sent: Extract<HostMessage, { type: "disks" }>) => DiskState[] | undefined) {
  const told: string[] = [];
  const link = {
    hello: { type: "hello", protocol: 2, version: "0.1.0", capabilities: ["disks"] },
    tell(message: HostMessage) {
      if (message.type !== "disks") return;
      told.push(message.disks.map(({ name, sizeBytes }) => `${name} ${sizeBytes / GiB}`).join(", "));
      const states = answer(message);
      if (states !== undefined) disks.answered({ type: "disks", answers: message.ask, disks: states });
    },
  } as const;
  return { link: { ...link, hello: { ...link.hello, capabilities: ["disks"] } }, told };
}

test("a larger disk is QEMU's first, then the guest's, and the guest hears of no disk that is not the VM's own", async () => {
  await using vm = await scene();
  const { link, told } = linkTo(vm.disks, ({ disks }) => [...disks]);
  vm.disks.own(vm.monitor);
  vm.disks.linked(link, 1);
  const grown = await vm.disks.grow([data(5), db(1)]);
  expect(grown).toEqual([{ name: "data", sizeBytes: 5 * GiB, isFilled: true, error: null }]);
  expect([vm.resized, told.at(-1)]).toEqual([["data 5"], "data 5, db 1"]);
  expect(await vm.disks.grow([data(5), db(1)])).toEqual([]);
});

test("a disk that would shrink is refused with what it has, and no other one grows", async () => {
  await using vm = await scene();
  vm.disks.own(vm.monitor);
  expect(await failureOf(() => vm.disks.grow([data(50), { ...db(1), sizeGiB: 0.5 }]))).toEqual({
    code: "DISK_FAILED",
    message: 'The disk "db", which is "/d/vm.disks/db.raw", has 1 GiB and cannot shrink to 512 MiB.',
  });
  expect(vm.resized).toEqual([]);
});

test("what QEMU refuses is an error in its words", async () => {
  await using vm = await scene();
  vm.disks.own(vm.monitor);
  const { code, message } = await failureOf(() => vm.disks.grow([data(101)]));
  expect([code, message.includes("File too large")]).toEqual(["QEMU_FAILED", true]);
});

test("two at once grow one after the other, and the smaller one that comes late is refused", async () => {
  await using vm = await scene();
  const both = Promise.allSettled([vm.disks.grow([data(20)]), vm.disks.grow([data(10)])]);
  // Both wait for QEMU, which is just being started.
  expect(vm.resized).toEqual([]);
  vm.disks.own(vm.monitor);
  const [first, second] = await both;
  expect([first.status, second.status, vm.resized]).toEqual(["fulfilled", "rejected", ["data 20"]]);
});

test("a disk that this QEMU was started without waits for the next one", async () => {
  await using vm = await scene();
  vm.disks.own(vm.monitor);
  expect(await vm.disks.grow([{ name: "new", path: "/d/vm.disks/new.raw", sizeGiB: 9 }])).toEqual([]);
  expect(vm.resized).toEqual([]);
});

test("without a guest that can follow, the disk has grown, and the next link tells of it", async () => {
  await using vm = await scene();
  vm.disks.own(vm.monitor);
  const open = { name: "data", isFilled: false, error: null };
  expect(await vm.disks.grow([data(3)])).toEqual([{ ...open, sizeBytes: 3 * GiB }]);
  const old = { hello: { type: "hello", protocol: 2, version: "0.0.9" }, tell: () => {} } as const;
  vm.disks.linked(old, 1);
  expect(await vm.disks.grow([data(4)])).toEqual([{ ...open, sizeBytes: 4 * GiB }]);
  expect(vm.warned).toEqual([expect.stringContaining("too old for the setting volumes")]);
  const heard = Promise.withResolvers<void>();
  const { link, told } = linkTo(vm.disks, ({ disks }) => {
    heard.resolve();
    return [...disks];
  });
  vm.disks.linked(link, 1);
  await heard.promise;
  expect(told).toEqual(["data 4, db 1"]);
});

test("a guest that does not answer, answers another question, or is lost, holds nobody for ever", async () => {
  await using vm = await scene({ followMs: 50 });
  vm.disks.own(vm.monitor);
  const silent = linkTo(vm.disks, () => undefined);
  vm.disks.linked(silent.link, 0);
  const open = { name: "data", isFilled: false, error: null };
  expect(await vm.disks.grow([data(3)])).toEqual([{ ...open, sizeBytes: 3 * GiB }]);
  const lying = linkTo(vm.disks, ({ disks, ask }) => {
    vm.disks.answered({ type: "disks", answers: ask + 1, disks: [...disks] });
    return undefined;
  });
  vm.disks.linked(lying.link, 0);
  expect(await vm.disks.grow([data(4)])).toEqual([{ ...open, sizeBytes: 4 * GiB }]);
  await using other = await scene();
  other.disks.own(other.monitor);
  const lost = linkTo(other.disks, () => {
    other.disks.unlinked();
    return undefined;
  });
  other.disks.linked(lost.link, 0);
  expect(await other.disks.grow([data(5)])).toEqual([{ ...open, sizeBytes: 5 * GiB }]);
});

test("what is wrong with a disk in the guest is told once, and a guest cannot tell without end", async () => {
  await using vm = await scene();
  vm.disks.own(vm.monitor);
  const { link } = linkTo(vm.disks, () => [{ name: "data", error: "it is not mounted" }]);
  vm.disks.linked(link, 0);
  const [grown] = await vm.disks.grow([data(3)]);
  await vm.disks.grow([data(4)]);
  expect(grown).toEqual({ name: "data", sizeBytes: 3 * GiB, isFilled: false, error: "it is not mounted" });
  expect(vm.warned).toEqual(['The disk "data" in the guest: it is not mounted']);
  for (let round = 0; round < 1_000; round += 1) {
    vm.disks.answered({ type: "disks", answers: 0, disks: [{ name: "data", error: `${round}` }] });
  }
  expect(vm.warned.length).toBe(32);
});
