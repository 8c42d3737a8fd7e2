/** Devices that are unplugged and plugged in at a monitor: the guest's answer is an event, which need never come. */
import { expect, test } from "bun:test";
import { connectQmp } from "../../../../src/host/qmp/client.ts";
import { deviceIds, plugIn, unplug } from "../../../../src/host/qmp/plug.ts";
import { failureOf } from "../../../support/failures.ts";
import { type Command, type Peer, startFakeQmp } from "../../../support/fake-qmp.ts";

const device = { driver: "vhost-user-fs-pci", id: "qn0" };

/** A guest that is quick, and one that never answers. */
const soon = { deadlineMs: 10_000, late: 100 };

/** Nobody calls it off. */
const never = new AbortController().signal;

/** A monitor that does what is asked, and notes it. */
function monitor(answer: (command: Command, peer: Peer) => void = () => {}) {
  const heard: string[] = [];
  const fake = startFakeQmp({
    onCommand(command, peer) {
      heard.push(command.execute);
      answer(command, peer);
      peer.reply(command.id, {});
    },
  });
  return { heard, fake };
}

function deleted(id: string): string {
  return `{"event": "DEVICE_DELETED", "data": {"device": "${id}", "path": "/machine/peripheral/${id}"}}\r\n`;
}

test("a device is gone when the guest has given it back, and its chardev goes then", async () => {
  const waiting: Peer[] = [];
  const { heard, fake } = monitor(({ execute }, peer) => {
    if (execute !== "device_del") return;
    waiting.push(peer);
    // Of devices of other names, of parts of them without one, and of what is no name.
    if (waiting.length === 2) {
      for (const event of [deleted("net"), '{"event": "DEVICE_DELETED", "data": {"path": "/machine"}}\r\n'])
        peer.send(event);
      peer.send(deleted("qn1"));
      peer.send(deleted("qn0"));
    }
  });
  await using it = await fake;
  await using qmp = await connectQmp(it.socketPath);
  await unplug(qmp, ["qn0", "qn1"], soon.deadlineMs, never);
  expect(heard).toEqual(["device_del", "device_del", "chardev-remove", "chardev-remove"]);
});

test("a guest that gives one of two back is not waited for, and no chardev goes", async () => {
  const { heard, fake } = monitor(({ execute }, peer) => {
    if (execute === "device_del") peer.send(deleted("qn0"));
  });
  await using it = await fake;
  await using qmp = await connectQmp(it.socketPath);
  expect(await failureOf(() => unplug(qmp, ["qn0", "qn1"], soon.late, never))).toMatchObject({
    code: "QEMU_FAILED",
    message: "The guest does not give the devices of its mounts back.",
  });
  expect(heard).toEqual(["device_del", "device_del"]);
});

test("a QEMU that ends while the guest is waited for is no guest that is late", async () => {
  const { fake } = monitor(({ execute }, peer) => {
    if (execute === "device_del") peer.hangUp();
  });
  await using it = await fake;
  await using qmp = await connectQmp(it.socketPath);
  expect(await failureOf(() => unplug(qmp, ["qn0"], soon.deadlineMs, never))).toMatchObject({
    code: "QEMU_FAILED",
    message: expect.stringMatching(/^QEMU (ended|does not answer)/),
  });
});

test("a guest that never answers is waited for no longer once nobody wants it unplugged", async () => {
  const off = new AbortController();
  const { fake } = monitor(({ execute }) => {
    // A moment later: by then it is waited for.
    if (execute === "device_del") setTimeout(() => off.abort(new Error("called off")), soon.late);
  });
  await using it = await fake;
  await using qmp = await connectQmp(it.socketPath);
  await expect(unplug(qmp, ["qn0"], soon.deadlineMs, off.signal)).rejects.toThrow("called off");
});

test("nothing is asked where nothing is to be unplugged", async () => {
  const { heard, fake } = monitor();
  await using it = await fake;
  await using qmp = await connectQmp(it.socketPath);
  await unplug(qmp, [], soon.late, never);
  expect(heard).toEqual([]);
});

test("a device that cannot be plugged in leaves no chardev", async () => {
  const heard: string[] = [];
  await using fake = await startFakeQmp({
    onCommand({ execute, id }, peer) {
      heard.push(execute);
      // The first of these finds none that was left.
      const isRefused = execute === "device_add" || heard.length === 1;
      if (isRefused) peer.send(`{"id": ${id}, "error": {"class": "GenericError", "desc": "no slot"}}\r\n`);
      else peer.reply(id, {});
    },
  });
  await using qmp = await connectQmp(fake.socketPath);
  expect(await failureOf(() => plugIn(qmp, device, "/q/qn0.sock"))).toMatchObject({
    message: "QEMU refuses device_add: no slot",
  });
  expect(heard).toEqual(["chardev-remove", "chardev-add", "device_add", "chardev-remove"]);
});

test("a monitor that lists no devices is none", async () => {
  const { fake } = monitor();
  await using it = await fake;
  await using qmp = await connectQmp(it.socketPath);
  expect(await failureOf(() => deviceIds(qmp))).toMatchObject({ code: "PROTOCOL" });
});
