/** Conversations in lines over real sockets, and the raw bytes behind them. */
import { expect, test } from "bun:test";
import { LineReader } from "../../../../src/protocol/frame.ts";
import { type Connection, connect } from "../../../../src/system/net/connection.ts";
import { type Lines, linesOf } from "../../../../src/system/net/lines.ts";
import { failureOf } from "../../../support/failures.ts";
import { listenSomewhere, payload, receive, send, sumOf } from "../../../support/streams.ts";

type Talk = AsyncDisposable & { readonly client: Connection; readonly server: Connection; readonly lines: Lines };

/** A client, and the server's end of its connection as a conversation. */
async function talk(maxBytes?: number): Promise<Talk> {
  const accepted = Promise.withResolvers<{ server: Connection; lines: Lines }>();
  const place = await listenSomewhere("tcp", (server) => {
    accepted.resolve({ server, lines: linesOf(server, new LineReader(maxBytes)) });
  });
  const client = await connect(place.address);
  return { client, ...(await accepted.promise), [Symbol.asyncDispose]: () => place[Symbol.asyncDispose]() };
}

test("not a byte behind the last line is lost, however long the new owner takes", async () => {
  await using place = await listenSomewhere("tcp", () => {});
  for (const size of [0, 1, 65_536, 4 * 1024 ** 2]) {
    await using it = await talk();
    const stream = payload(size);
    const sent = send(it.client, Buffer.concat([Buffer.from('{"open":"docker"}\n'), stream])).then(() =>
      it.client.end(),
    );
    expect(await it.lines.next()).toBe('{"open":"docker"}');
    const early = it.lines.release();
    // As the gate does: a connection elsewhere is opened before the stream goes on.
    (await connect(place.address)).reset();
    const received = receive(it.server);
    it.server.resume();
    await sent;
    await received.ended;
    expect(sumOf(Buffer.concat([early, received.whole]))).toBe(sumOf(stream));
  }
});

test("lines of one packet come one by one, a line of many packets comes whole", async () => {
  await using it = await talk();
  it.client.write("one\ntwo\n\nthr");
  expect([await it.lines.next(), await it.lines.next(), await it.lines.next()]).toEqual(["one", "two", ""]);
  it.client.write("ee\n");
  expect(await it.lines.next()).toBe("three");
});

test("what came before the other side ended is still read, then the end is the answer", async () => {
  await using it = await talk();
  it.client.write("last\nhalf a li");
  it.client.end();
  expect(await it.lines.next()).toBe("last");
  const ended = { code: "PROTOCOL", message: "The other side ended the connection." };
  expect(await failureOf(() => it.lines.next())).toEqual(ended);
  expect(await failureOf(() => it.lines.next())).toEqual(ended);
});

test("a reset is the answer too", async () => {
  await using it = await talk();
  it.client.reset();
  expect(await failureOf(() => it.lines.next())).toEqual({ code: "PROTOCOL", message: "The connection is gone." });
});

test("a line that is too long is refused as soon as it is", async () => {
  await using it = await talk(16);
  it.client.write("x".repeat(17));
  expect(await failureOf(() => it.lines.next())).toEqual({
    code: "PROTOCOL",
    message: "A message is longer than 16 bytes.",
  });
});
