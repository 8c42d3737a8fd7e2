/** The authorization plugin as dockerd talks to it: HTTP over its Unix socket. */
import { expect, test } from "bun:test";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type DockerRequest,
  type Hooks,
  type PluginOptions,
  servePlugin,
} from "../../../../src/agent/docker/plugin.ts";
import { connect, type Connection } from "../../../../src/system/net/connection.ts";
import { receive } from "../../../support/streams.ts";
import { until } from "../../../support/until.ts";

type Served = AsyncDisposable & {
  readonly socketPath: string;
  readonly seen: DockerRequest[];
  ask(path: string, body: unknown): Promise<unknown>;
};

/** A plugin that notes what it is asked before requests, and does what its hooks do. */
async function plugin(
  { beforeRequest, ...hooks }: Partial<Hooks> = {},
  { inherited }: PluginOptions = {},
): Promise<Served> {
  const folder = await mkdtemp(join(tmpdir(), "qn-plugin-"));
  // Neither folder is there yet, as after a boot.
  const socketPath = join(folder, "docker/plugins/qn.sock");
  const seen: DockerRequest[] = [];
  const served = await servePlugin(
    socketPath,
    {
      ...hooks,
      async beforeRequest(request) {
        seen.push(request);
        await beforeRequest?.(request);
      },
    },
    { inherited },
  );
  return {
    socketPath,
    seen,
    async ask(path, body) {
      const text = typeof body === "string" ? body : JSON.stringify(body);
      return await (await fetch(`http://plugin${path}`, { unix: socketPath, method: "POST", body: text })).json();
    },
    async [Symbol.asyncDispose]() {
      await served.close();
      await rm(folder, { recursive: true });
    },
  };
}

const request = "/AuthZPlugin.AuthZReq";
const answer = "/AuthZPlugin.AuthZRes";
const create = { Image: "busybox", HostConfig: { Binds: ["/tmp/ü:/x"] } };

function asked(body: string | undefined): object {
  const RequestBody = body === undefined ? undefined : Buffer.from(body).toString("base64");
  return { User: "", RequestMethod: "POST", RequestUri: "/v1.45/containers/create", RequestBody, RequestHeaders: {} };
}

test("it says what it is when it is activated, without looking at anything", async () => {
  await using it = await plugin();
  expect([await it.ask("/Plugin.Activate", ""), it.seen]).toEqual([{ Implements: ["authz"] }, []]);
});

test("connections that nobody uses for a while are there for the next call, used before or not", async () => {
  await using it = await plugin();
  const opened = await Promise.all(
    ["used", "kept in reserve"].map(async () => {
      const connection = await connect({ unix: it.socketPath });
      const heard = { text: "" };
      connection.amend({ onData: (bytes) => void (heard.text += bytes.toString()) });
      return { connection, answers: () => heard.text.split("HTTP/1.1 200").length - 1 };
    }),
  );
  const [used] = opened;
  const ask = (connection: Connection): boolean =>
    connection.write(Buffer.from("POST /Plugin.Activate HTTP/1.1\r\nHost: plugin\r\nContent-Length: 0\r\n\r\n"));
  if (used !== undefined) ask(used.connection);
  await until("the first answer", 5_000, () => (used?.answers() === 1 ? true : undefined));
  // Bun's own limit is 10 s, looked at every 4 s.
  await Bun.sleep(15_000);
  expect(opened.map(({ connection }) => connection.isClosed)).toEqual([false, false]);
  for (const { connection } of opened) ask(connection);
  await until("their answers", 5_000, () =>
    opened.map(({ answers }) => answers()).join() === "2,1" ? true : undefined,
  );
  for (const { connection } of opened) connection.reset();
}, 30_000);

test("a request is looked at with its body, and allowed", async () => {
  await using it = await plugin();
  expect(await it.ask(request, asked(JSON.stringify(create)))).toEqual({ Allow: true });
  expect(await it.ask(request, { ...asked(undefined), RequestUri: "/v1.45/containers/web/start" })).toEqual({
    Allow: true,
  });
  expect(it.seen).toEqual([
    { method: "POST", uri: "/v1.45/containers/create", body: create },
    { method: "POST", uri: "/v1.45/containers/web/start", body: undefined },
  ]);
});

test("a body that is no JSON, empty or no text at all is Docker's to refuse", async () => {
  await using it = await plugin();
  for (const body of ["{]", "", "\0\xFF", "<html>"]) {
    expect(await it.ask(request, asked(body))).toEqual({ Allow: true });
  }
  expect(await it.ask(request, { ...asked(undefined), RequestBody: "*** no base64 ***" })).toEqual({ Allow: true });
  expect(it.seen.map(({ body }) => body)).toEqual(Array.from({ length: 5 }, () => undefined));
});

test("answers are never held back where nothing is done before them", async () => {
  await using it = await plugin();
  expect(await it.ask(answer, asked(JSON.stringify(create)))).toEqual({ Allow: true });
  expect(it.seen).toEqual([]);
});

test("an answer is held back until what follows from its request is done", async () => {
  const door = Promise.withResolvers<void>();
  const held = Promise.withResolvers<DockerRequest>();
  await using it = await plugin({
    async beforeAnswer(question) {
      held.resolve(question);
      await door.promise;
    },
  });
  const order: string[] = [];
  const slow = it.ask(answer, asked(JSON.stringify(create))).then((allowed) => order.push(JSON.stringify(allowed)));
  expect(await held.promise).toEqual({ method: "POST", uri: "/v1.45/containers/create", body: create });
  await it.ask(request, asked("{}"));
  order.push("request");
  door.resolve();
  await slow;
  expect([order, it.seen.length]).toEqual([["request", '{"Allow":true}'], 1]);
});

test("what goes wrong is what the user reads", async () => {
  await using it = await plugin({
    async beforeRequest() {
      throw new Error("/tmp/a of the host cannot be shown in the guest.");
    },
  });
  expect(await it.ask(request, asked("{}"))).toEqual({
    Allow: false,
    Msg: "/tmp/a of the host cannot be shown in the guest.",
  });
});

test("a question that no dockerd asks is refused, and the next one answered", async () => {
  await using it = await plugin();
  const wrong = (await it.ask(request, "not JSON")) as { Allow: boolean; Msg: string };
  const incomplete = (await it.ask(request, { RequestMethod: "POST" })) as { Allow: boolean; Msg: string };
  expect([wrong.Allow, incomplete.Allow, it.seen]).toEqual([false, false, []]);
  expect(await it.ask(request, asked("{}"))).toEqual({ Allow: true });
});

test("a request is held until what it needs is there, others pass meanwhile", async () => {
  const door = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  await using it = await plugin({
    async beforeRequest({ uri }) {
      if (!uri.endsWith("/create")) return;
      held.resolve();
      await door.promise;
    },
  });
  const order: string[] = [];
  const slow = it.ask(request, asked("{}")).then(() => order.push("create"));
  await held.promise;
  await it.ask(request, { RequestMethod: "GET", RequestUri: "/v1.45/info" }).then(() => order.push("info"));
  door.resolve();
  await slow;
  expect(order).toEqual(["info", "create"]);
});

/** What Docker 20.10 sends, what 24 and later do, and the socket's path as other clients write it. */
for (const host of ["", "plugin.moby.localhost", "%2Frun%2Fdocker%2Fplugins%2Fqn.sock"]) {
  test(`a request with the Host "${host}" is understood`, async () => {
    await using it = await plugin();
    const body = JSON.stringify(asked("{}"));
    const connection = await connect({ unix: it.socketPath });
    const received = receive(connection);
    connection.write(
      `POST ${request} HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: Go-http-client/1.1\r\n` +
        `Content-Length: ${body.length}\r\nAccept: application/vnd.docker.plugins.v1.2+json\r\nConnection: close\r\n\r\n${body}`,
    );
    await received.ended;
    expect(received.whole.toString().split("\r\n\r\n")[1]).toBe('{"Allow":true}');
    connection.end();
  });
}

test("a body of some megabytes passes, as a build of a large project may have it", async () => {
  await using it = await plugin();
  const large = JSON.stringify({ ...create, Labels: { x: "y".repeat(8 * 1024 ** 2) } });
  expect(await it.ask(request, asked(large))).toEqual({ Allow: true });
  expect(it.seen).toHaveLength(1);
});

test("the socket of an agent that was killed is replaced", async () => {
  const folder = await mkdtemp(join(tmpdir(), "qn-plugin-"));
  const socketPath = join(folder, "qn.sock");
  await mkdir(folder, { recursive: true });
  await writeFile(socketPath, "");
  const served = await servePlugin(socketPath, { beforeRequest: async () => {} });
  expect(await (await fetch("http://plugin/Plugin.Activate", { unix: socketPath, method: "POST" })).json()).toEqual({
    Implements: ["authz"],
  });
  await served.close();
  await rm(folder, { recursive: true });
});

test("a call that comes again without its words, since an agent's death cut it off, passes or is refused as the plugin has it", async () => {
  let settled = 0;
  await using ports = await plugin({ beforeLostAnswer: async () => void (settled += 1) });
  expect([await ports.ask(request, ""), settled]).toEqual([{ Allow: true }, 0]);
  expect([await ports.ask(answer, ""), settled]).toEqual([{ Allow: true }, 1]);
  await using tmp = await plugin({ refuseLost: "Please try again." });
  expect([await tmp.ask(request, ""), await tmp.ask(answer, "")]).toEqual([
    { Allow: false, Msg: "Please try again." },
    { Allow: true },
  ]);
  expect([ports.seen, tmp.seen]).toEqual([[], []]);
});

/** A program that listens as systemd does, waits until a caller is there, and becomes the plugin on that socket. */
const inheritor = `
  import { dlopen } from "bun:ffi";
  import { servePlugin } from ${JSON.stringify(join(import.meta.dir, "../../../../src/agent/docker/plugin.ts"))};
  const c = dlopen("libc.so.6", {
    socket: { args: ["i32", "i32", "i32"], returns: "i32" },
    bind: { args: ["i32", "ptr", "i32"], returns: "i32" },
    listen: { args: ["i32", "i32"], returns: "i32" },
  }).symbols;
  const path = process.argv[1];
  const fd = c.socket(1, 1, 0);
  const address = Buffer.alloc(110);
  address.writeUInt16LE(1, 0);
  address.write(path, 2);
  if (c.bind(fd, address, address.length) !== 0 || c.listen(fd, 16) !== 0) throw new Error("no socket");
  console.log("listens");
  await Bun.stdin.text();
  await servePlugin(path, { beforeRequest: async ({ uri }) => { throw new Error("no " + uri); } }, { inherited: fd });
`;

test.skipIf(process.platform !== "linux")(
  "callers of a socket that systemd holds wait for the agent, and none is refused",
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "qn-plugin-"));
    const path = join(folder, "qn.sock");
    const child = Bun.spawn([process.execPath, "-e", inheritor, path], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
    });
    await child.stdout.getReader().read();
    const asking = Array.from({ length: 8 }, async () => {
      const response = await fetch(`http://plugin${request}`, {
        unix: path,
        method: "POST",
        body: JSON.stringify(asked(undefined)),
      });
      return await response.json();
    });
    await child.stdin.end();
    expect(await Promise.all(asking)).toEqual(asking.map(() => ({ Allow: false, Msg: "no /v1.45/containers/create" })));
    child.kill();
    await child.exited;
    await rm(folder, { recursive: true });
  },
);
