/** The plugin's socket against what chance makes of dockerd's questions: each is answered, nothing is let through unseen. */
import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type DockerRequest, servePlugin } from "../../../../src/agent/docker/plugin.ts";
import { connect } from "../../../../src/system/net/connection.ts";
import { testWithChance } from "../../../support/chance.ts";
import { receive } from "../../../support/streams.ts";

type Answer = { readonly status: number; readonly Allow: unknown };

/** A plugin that refuses everything that it understands: whatever is allowed was not seen by it. */
async function refusingPlugin(): Promise<
  AsyncDisposable & {
    readonly socketPath: string;
    readonly seen: DockerRequest[];
    ask(path: string, body: Uint8Array | string | undefined, method?: string): Promise<Answer>;
  }
> {
  const folder = await mkdtemp(join(tmpdir(), "qn-plugin-"));
  const socketPath = join(folder, "qn.sock");
  const seen: DockerRequest[] = [];
  const refuse = async (request: DockerRequest): Promise<never> => {
    seen.push(request);
    throw new Error("no");
  };
  const served = await servePlugin(socketPath, { beforeRequest: refuse, beforeAnswer: refuse, refuseLost: "lost" });
  return {
    socketPath,
    seen,
    async ask(path, body, method = "POST") {
      const answer = await fetch(`http://plugin${path}`, { unix: socketPath, method, body: body ?? null });
      const text = await answer.text();
      const said = answer.status === 200 ? (JSON.parse(text) as { Allow?: unknown }) : {};
      return { status: answer.status, Allow: said.Allow };
    },
    async [Symbol.asyncDispose]() {
      await served.close();
      await rm(folder, { recursive: true });
    },
  };
}

const doors = ["/AuthZPlugin.AuthZReq", "/AuthZPlugin.AuthZRes"] as const;
const create = {
  Image: "busybox",
  HostConfig: { Binds: ["/tmp/a:/a"], PortBindings: { "80/tcp": [{ HostPort: "80" }] } },
};
const question = {
  User: "",
  RequestMethod: "POST",
  RequestUri: "/v1.45/containers/create",
  RequestBody: Buffer.from(JSON.stringify(create)).toString("base64"),
};

testWithChance("questions with a few bits turned over are never allowed unseen", async (chance) => {
  await using it = await refusingPlugin();
  for (let index = 0; index < 400; index += 1) {
    const spoilt = chance.spoil(Buffer.from(JSON.stringify(question)));
    expect(await it.ask(chance.pick(doors), spoilt)).toEqual({ status: 200, Allow: false });
  }
  expect(await it.ask(doors[0], JSON.stringify(question))).toEqual({ status: 200, Allow: false });
  expect(it.seen.at(-1)).toEqual({ method: "POST", uri: "/v1.45/containers/create", body: create });
});

testWithChance(
  "questions with fields missing, of other kinds or of chance's making are never allowed unseen",
  async (chance) => {
    await using it = await refusingPlugin();
    const values = [
      undefined,
      null,
      7,
      "",
      [],
      {},
      true,
      "POST",
      chance.bytes(300).toString("latin1"),
      "x".repeat(100_000),
    ];
    for (let index = 0; index < 300; index += 1) {
      const fields = Object.entries(question).map(([name, value]) => [
        name,
        chance.below(2) === 0 ? value : chance.pick([...values, chance.bytes(chance.below(90)).toString("base64")]),
      ]);
      expect(await it.ask(chance.pick(doors), JSON.stringify(Object.fromEntries(fields)))).toEqual({
        status: 200,
        Allow: false,
      });
    }
  },
);

test("a method that dockerd does not use is no way around", async () => {
  await using it = await refusingPlugin();
  for (const door of doors) {
    for (const method of ["PUT", "DELETE", "PATCH", "OPTIONS"]) {
      expect([method, await it.ask(door, "{}", method)]).toEqual([method, { status: 200, Allow: false }]);
    }
  }
  // Without a body it is a question that dockerd has lost; only an answer may pass then.
  expect(await it.ask(doors[0], undefined, "GET")).toEqual({ status: 200, Allow: false });
  expect(it.seen).toEqual([]);
});

test("a body that is larger than any of Docker's is refused without being kept", async () => {
  await using it = await refusingPlugin();
  const connection = await connect({ unix: it.socketPath });
  const received = receive(connection);
  connection.write(`POST ${doors[0]} HTTP/1.1\r\nHost: x\r\nContent-Length: ${2 ** 40}\r\n\r\n{`);
  await received.reached(12);
  expect(received.whole.toString()).toStartWith("HTTP/1.1 413");
  connection.reset();
  expect(await it.ask(doors[0], JSON.stringify(question))).toEqual({ status: 200, Allow: false });
});

testWithChance("bytes that are no HTTP, and callers that go in the middle, end themselves alone", async (chance) => {
  await using it = await refusingPlugin();
  const body = JSON.stringify(question);
  const whole = Buffer.from(`POST ${doors[0]} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  for (let index = 0; index < 200; index += 1) {
    const connection = await connect({ unix: it.socketPath });
    const { closed } = receive(connection);
    const cut = whole.subarray(0, chance.below(whole.length - 1));
    connection.write(chance.pick([cut, chance.spoil(whole.subarray(0, 60)), chance.bytes(1 + chance.below(800))]));
    if (chance.below(2) === 0) connection.end();
    else connection.reset();
    await closed;
  }
  expect(await it.ask(doors[0], body)).toEqual({ status: 200, Allow: false });
});
