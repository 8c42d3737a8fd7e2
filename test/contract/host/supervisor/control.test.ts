/** The control socket, both ends: questions, events, garbage, and supervisors that are no more. */
import { expect, spyOn, test } from "bun:test";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Client, connectControl, serveControl } from "../../../../src/host/supervisor/control.ts";
import type { ControlEvent, Request } from "../../../../src/host/supervisor/messages.ts";
import { connect, listen } from "../../../../src/system/net/connection.ts";
import { failureOf } from "../../../support/failures.ts";
import { receive } from "../../../support/streams.ts";

type Served = AsyncDisposable & {
  readonly socketPath: string;
  readonly requests: Request[];
  readonly clients: Client[];
  /** Resolves when one client more has left. */
  left(): Promise<void>;
};

/** A supervisor's end of the socket; `answer` says what it does about a request. */
async function supervisor(answer: (request: Request, client: Client) => void = () => {}): Promise<Served> {
  const folder = await mkdtemp(join(tmpdir(), "qn-"));
  const socketPath = join(folder, "control.sock");
  const requests: Request[] = [];
  const clients: Client[] = [];
  let gone = Promise.withResolvers<void>();
  const listener = serveControl(
    socketPath,
    (request, client) => {
      requests.push(request);
      clients.push(client);
      answer(request, client);
    },
    () => {
      gone.resolve();
      gone = Promise.withResolvers();
    },
  );
  return {
    socketPath,
    requests,
    clients,
    left: () => gone.promise,
    async [Symbol.asyncDispose]() {
      listener.closeAll();
      await rm(folder, { recursive: true });
    },
  };
}

const phase = (name: "image" | "disks"): ControlEvent => ({ event: "phase", phase: name, sinceMs: 1 });

test("requests come as they were asked, events as they were sent, in order", async () => {
  const error = { code: "QEMU_FAILED", message: "QEMU ended.", hint: "Look.", details: ["last words"] } as const;
  const events: ControlEvent[] = [
    phase("image"),
    { event: "warning", text: 'It\'s "slow".\n' },
    { event: "running", sinceMs: 2 },
    { event: "stopped", forced: true },
    { event: "failed", error: { ...error, details: [...error.details] } },
  ];
  await using served = await supervisor((request, client) => {
    if (request.ask === "follow") for (const event of events) client.send(event);
  });
  const control = await connectControl(served.socketPath);
  if (control === undefined) throw new Error("nobody listens");
  control.ask({ ask: "stop", force: true });
  control.ask({ ask: "follow" });
  const heard: ControlEvent[] = [];
  while (heard.length < events.length) heard.push(await control.next());
  expect([heard, served.requests]).toEqual([events, [{ ask: "stop", force: true }, { ask: "follow" }]]);
  control.close();
});

test("a supervisor that ends says so to whoever waits", async () => {
  await using served = await supervisor((_request, client) => {
    client.send(phase("disks"));
    client.close();
  });
  const control = await connectControl(served.socketPath);
  control?.ask({ ask: "follow" });
  expect(await control?.next()).toEqual(phase("disks"));
  expect(await failureOf(async () => await control?.next())).toEqual({
    code: "SUPERVISOR_UNREACHABLE",
    message: "The supervisor ended without a word.",
  });
  control?.close();
});

test("a supervisor hears when a command leaves, in order or suddenly", async () => {
  await using served = await supervisor((_request, client) => client.send(phase("image")));
  for (const leave of ["end", "reset"] as const) {
    const connection = await connect({ unix: served.socketPath });
    const received = receive(connection);
    connection.write('{"ask":"follow"}\n');
    await received.reached(1);
    const left = served.left();
    connection[leave]();
    await left;
  }
});

test("a command that says garbage is hung up on, and no other", async () => {
  const quiet = spyOn(process.stderr, "write").mockImplementation(() => true);
  try {
    await using served = await supervisor((_request, client) => client.send(phase("image")));
    const good = await connectControl(served.socketPath);
    for (const garbage of ["{]\n", '{"ask":"dance"}\n', '{"ask":"stop"}\n', "x".repeat(1_048_577)]) {
      const bad = await connect({ unix: served.socketPath });
      const { ended } = receive(bad);
      bad.write(garbage);
      await ended;
      bad.end();
    }
    good?.ask({ ask: "follow" });
    expect([await good?.next(), served.requests]).toEqual([phase("image"), [{ ask: "follow" }]]);
    good?.close();
  } finally {
    quiet.mockRestore();
  }
});

test("a supervisor of another version is told apart from one that is gone", async () => {
  const folder = await mkdtemp(join(tmpdir(), "qn-"));
  const socketPath = join(folder, "control.sock");
  const listener = listen({ unix: socketPath }, (connection) => connection.write('{"event":"party"}\n'));
  const control = await connectControl(socketPath);
  expect(await failureOf(async () => await control?.next())).toEqual({
    code: "SUPERVISOR_FAILED",
    message: "The supervisor and this command do not understand each other.",
  });
  control?.close();
  listener.closeAll();
  await rm(folder, { recursive: true });
});

test("an error code that only a newer supervisor knows is read all the same", async () => {
  const folder = await mkdtemp(join(tmpdir(), "qn-"));
  const socketPath = join(folder, "control.sock");
  const error = { code: "MOON_FULL", message: "The moon is full.", hint: "Wait." };
  const listener = listen({ unix: socketPath }, (connection) =>
    connection.write(`${JSON.stringify({ event: "failed", error })}\n`),
  );
  const control = await connectControl(socketPath);
  expect(await control?.next()).toEqual({ event: "failed", error: { ...error, code: "SUPERVISOR_FAILED" } });
  control?.close();
  listener.closeAll();
  await rm(folder, { recursive: true });
});

test("where nobody listens there is no supervisor: no socket, or what a killed one left", async () => {
  const folder = await mkdtemp(join(tmpdir(), "qn-"));
  const socketPath = join(folder, "control.sock");
  expect(await connectControl(socketPath)).toBeUndefined();
  const program = `Bun.listen({ unix: process.argv[1], socket: { data() {} } }); console.log("listening");`;
  const child = Bun.spawn([process.execPath, "-e", program, socketPath], { stdout: "pipe" });
  await child.stdout.getReader().read();
  child.kill("SIGKILL");
  await child.exited;
  expect(existsSync(socketPath)).toBe(true);
  expect(await connectControl(socketPath)).toBeUndefined();
  await rm(folder, { recursive: true });
});
