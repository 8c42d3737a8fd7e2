/** The monitor's client against monitors that misbehave, over real sockets. */
import { expect, test } from "bun:test";
import { mkdtemp, rm, unlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { QnError } from "../../../../src/base/errors.ts";
import { awaitQmp, connectQmp } from "../../../../src/host/qmp/client.ts";
import { queryStatus } from "../../../../src/host/qmp/commands.ts";
import type { QmpEvent } from "../../../../src/host/qmp/wire.ts";
import { listen } from "../../../../src/system/net/connection.ts";
import { type Peer, greeting, startFakeQmp } from "../../../support/fake-qmp.ts";

/** Short, for monitors that stay silent; everything else is answered long before. */
const deadlineMs = 100;

async function failureOf(promise: Promise<unknown>): Promise<{ code: string; message: string }> {
  const error = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(error instanceof QnError)) throw new Error(`not a QnError: ${String(error)}`);
  return { code: error.code, message: error.message };
}

test("a monitor that greets and answers is spoken to", async () => {
  await using fake = await startFakeQmp({
    onCommand: ({ id }, peer) => peer.reply(id, { running: true, status: "running" }),
  });
  await using client = await connectQmp(fake.socketPath);
  expect([client.version, await queryStatus(client)]).toEqual(["7.2.22", { running: true, status: "running" }]);
});

test("replies reach the command with their id, in whatever order they come", async () => {
  const waiting: number[] = [];
  await using fake = await startFakeQmp({
    onCommand({ id }, peer) {
      waiting.push(id);
      if (waiting.length === 3) for (const one of waiting.toReversed()) peer.reply(one, `reply ${one}`);
    },
  });
  await using client = await connectQmp(fake.socketPath);
  const replies = await Promise.all(["a", "b", "c"].map((command) => client.execute(command)));
  expect(replies).toEqual(waiting.map((id) => `reply ${id}`));
});

test("a refused command fails with QEMU's words, and the conversation goes on", async () => {
  await using fake = await startFakeQmp({
    onCommand({ execute, id }, peer) {
      if (execute === "fine") peer.reply(id, 1);
      else peer.send(`{"id": ${id}, "error": {"class": "GenericError", "desc": "Device 'x' not found"}}\r\n`);
    },
  });
  await using client = await connectQmp(fake.socketPath);
  expect(await failureOf(client.execute("device_del"))).toEqual({
    code: "QEMU_FAILED",
    message: "QEMU refuses device_del: Device 'x' not found",
  });
  expect(await client.execute("fine")).toBe(1);
});

test("a monitor that never greets is given up at the deadline", async () => {
  await using fake = await startFakeQmp({ onConnect: () => {} });
  expect(await failureOf(connectQmp(fake.socketPath, { deadlineMs }))).toEqual({
    code: "QEMU_FAILED",
    message: `QEMU's monitor at ${fake.socketPath} gives no greeting for 100 ms.`,
  });
});

test("a command without an answer fails at its deadline, and its late answer disturbs nobody", async () => {
  await using fake = await startFakeQmp({
    onCommand({ execute, id }, peer) {
      if (execute === "second") {
        peer.reply(id - 1, "too late");
        peer.reply(id, "in time");
      }
    },
  });
  await using client = await connectQmp(fake.socketPath);
  expect(await failureOf(client.execute("first", undefined, { deadlineMs }))).toEqual({
    code: "QEMU_FAILED",
    message: "QEMU does not answer first: nothing came for 100 ms.",
  });
  expect(await client.execute("second")).toBe("in time");
});

test("what does not begin like QMP is refused with what it said", async () => {
  await using fake = await startFakeQmp({ onConnect: (peer) => peer.send("SSH-2.0-OpenSSH_9.2p1\r\n") });
  expect(await failureOf(connectQmp(fake.socketPath))).toEqual({
    code: "PROTOCOL",
    message: String.raw`QEMU's monitor sent "SSH-2.0-OpenSSH_9.2p1\r".`,
  });
});

test("a garbage line ends the conversation and every command in it", async () => {
  await using fake = await startFakeQmp({ onCommand: (_command, peer) => peer.send("{]\r\n") });
  await using client = await connectQmp(fake.socketPath);
  const garbage = { code: "PROTOCOL", message: String.raw`QEMU's monitor sent "{]\r".` };
  expect(await failureOf(client.execute("stop"))).toEqual(garbage);
  expect(await client.closed).toMatchObject(garbage);
  expect(await failureOf(client.execute("cont"))).toEqual({
    code: "QEMU_FAILED",
    message: "QEMU does not answer cont: its monitor is closed.",
  });
});

test("a refusal without an id ends the conversation, since any command may be meant", async () => {
  await using fake = await startFakeQmp({
    onCommand: (_command, peer) => peer.send('{"error": {"class": "GenericError", "desc": "JSON parse error"}}\r\n'),
  });
  await using client = await connectQmp(fake.socketPath);
  expect(await failureOf(client.execute("stop"))).toEqual({
    code: "QEMU_FAILED",
    message: "QEMU refuses a command: JSON parse error",
  });
});

test("an endless line is cut off at the longest that there may be", async () => {
  await using fake = await startFakeQmp({ onCommand: (_command, peer) => peer.send("x".repeat(1_048_577)) });
  await using client = await connectQmp(fake.socketPath);
  const tooLong = { code: "PROTOCOL", message: "A message is longer than 1048576 bytes." };
  expect(await failureOf(client.execute("stop"))).toEqual(tooLong);
});

test("a monitor that hangs up in the middle of a reply fails the command at once", async () => {
  await using fake = await startFakeQmp({
    onCommand(_command, peer) {
      peer.send('{"return": {"runn');
      peer.hangUp();
    },
  });
  await using client = await connectQmp(fake.socketPath);
  expect(await failureOf(client.execute("query-status"))).toEqual({
    code: "QEMU_FAILED",
    message: "QEMU does not answer query-status: its monitor closed the connection.",
  });
  expect(await client.closed).toMatchObject({ code: "QEMU_FAILED", message: "QEMU's monitor closed the connection." });
});

test("a monitor that hangs up instead of greeting fails the connection at once", async () => {
  await using fake = await startFakeQmp({ onConnect: (peer) => peer.hangUp() });
  expect(await failureOf(connectQmp(fake.socketPath))).toEqual({
    code: "QEMU_FAILED",
    message: "QEMU's monitor closed the connection.",
  });
});

function event(name: string): string {
  return `{"timestamp": {"seconds": 2, "microseconds": 5}, "event": "${name}", "data": {"id": "agent", "open": true}}\r\n`;
}

test("events between replies reach every listener, until it stops listening", async () => {
  await using fake = await startFakeQmp({
    onCommand({ id }, peer) {
      peer.send(event("VSERPORT_CHANGE"));
      peer.reply(id, 0);
      peer.send(event("STOP"));
    },
  });
  await using client = await connectQmp(fake.socketPath);
  const heard: QmpEvent[] = [];
  const stopped = Promise.withResolvers<void>();
  const stopListening = client.onEvent((one) => heard.push(one));
  client.onEvent(({ name }) => name === "STOP" && stopped.resolve());
  await client.execute("one");
  await stopped.promise;
  stopListening();
  await client.execute("two");
  const data = { id: "agent", open: true };
  expect(heard).toEqual([
    { name: "VSERPORT_CHANGE", data },
    { name: "STOP", data },
  ]);
});

async function trickle(peer: Peer, bytes: Buffer): Promise<void> {
  for (const byte of bytes) {
    peer.send(Uint8Array.of(byte));
    await new Promise(setImmediate);
  }
}

test("a conversation that comes byte by byte is the same conversation", async () => {
  const said = Buffer.from('{"timestamp": {"seconds": 1, "microseconds": 0}, "event": "RESUME"}\r\n');
  await using fake = await startFakeQmp({
    onConnect: (peer) => void trickle(peer, Buffer.from(greeting)),
    onCommand: ({ id }, peer) =>
      void trickle(peer, Buffer.concat([said, Buffer.from(`{"return": "Grüße, 日本", "id": ${id}}\r\n`)])),
  });
  await using client = await connectQmp(fake.socketPath);
  const heard: string[] = [];
  client.onEvent(({ name }) => heard.push(name));
  expect([client.version, await client.execute("x"), heard]).toEqual(["7.2.22", "Grüße, 日本", ["RESUME"]]);
});

test("an event that comes before anybody listens is kept for the first who does, and for no other", async () => {
  await using fake = await startFakeQmp({
    onConnect(peer) {
      // The negotiation's answer comes behind it, so that the client has it before its caller has the client.
      peer.send(greeting);
      peer.send(event("VSERPORT_CHANGE"));
    },
  });
  await using client = await connectQmp(fake.socketPath);
  const [first, second]: [string[], string[]] = [[], []];
  client.onEvent(({ name }) => first.push(name));
  client.onEvent(({ name }) => second.push(name));
  expect([first, second]).toEqual([["VSERPORT_CHANGE"], []]);
});

test("the end of this side's own choice has no reason, and fails what is pending", async () => {
  await using fake = await startFakeQmp({});
  const client = await connectQmp(fake.socketPath);
  const pending = failureOf(client.execute("stop"));
  await client[Symbol.asyncDispose]();
  expect([await client.closed, await pending]).toEqual([
    undefined,
    { code: "QEMU_FAILED", message: "QEMU does not answer stop: its monitor closed the connection." },
  ]);
});

test("a socket that nobody made is reported at once", async () => {
  expect(await failureOf(connectQmp("/nonexistent/qmp.sock"))).toEqual({
    code: "QEMU_FAILED",
    message: "No QEMU listens at /nonexistent/qmp.sock.",
  });
});

test("waiting for a monitor ends as soon as it listens, also where a killed one left its socket", async () => {
  const folder = await mkdtemp(join(tmpdir(), "qmp-"));
  const socketPath = join(folder, "qmp.sock");
  const child = Bun.spawnSync([process.execPath, "-e", deadSocketProgram, socketPath]);
  expect(child.signalCode).toBe("SIGKILL");

  const waiting = awaitQmp(socketPath);
  await unlink(socketPath);
  const listener = listen({ unix: socketPath }, (connection) => {
    connection.amend({ onData: () => void connection.write('{"return": {}, "id": 1}\r\n') });
    connection.write(greeting);
  });
  await using client = await waiting;
  expect(client.version).toBe("7.2.22");
  listener.close();
  await rm(folder, { recursive: true });
});

/** Listens on a Unix socket and dies without a chance to remove it. */
const deadSocketProgram =
  "Bun.listen({ unix: process.argv.at(-1), socket: { data() {} } }); process.kill(process.pid, 'SIGKILL');";

test("waiting for a monitor ends when its QEMU has ended", async () => {
  const folder = await mkdtemp(join(tmpdir(), "qmp-"));
  const ended = new AbortController();
  const waiting = failureOf(awaitQmp(join(folder, "qmp.sock"), { signal: ended.signal }));
  ended.abort();
  expect(await waiting).toEqual({ code: "QEMU_FAILED", message: "QEMU ended before its monitor answered." });
  await rm(folder, { recursive: true });
});

test("waiting for a monitor ends at the deadline", async () => {
  const folder = await mkdtemp(join(tmpdir(), "qmp-"));
  const socketPath = join(folder, "qmp.sock");
  expect(await failureOf(awaitQmp(socketPath, { deadlineMs }))).toEqual({
    code: "QEMU_FAILED",
    message: `No QEMU listens at ${socketPath} after 100 ms.`,
  });
  await rm(folder, { recursive: true });
});
