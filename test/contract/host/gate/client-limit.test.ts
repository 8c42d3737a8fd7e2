/** The places of ports' clients: how many are carried at once, in which order the others come, and who is taken out. */
import { expect, test } from "bun:test";
import { ClientLimit } from "../../../../src/host/gate/client-limit.ts";
import { connect, type Connection } from "../../../../src/system/net/connection.ts";
import { listenSomewhere, receive } from "../../../support/streams.ts";

/** More than the clients of most tests are and say. */
const line = { waitingOfAll: 100, waitingBytes: 1024 ** 2 };

type Carried = { readonly client: Connection; readonly early: string; readonly leave: () => void };

/** A forward whose clients are noted; `changed` resolves with the next thing that happens at it. */
async function forwardOf(places: ClientLimit) {
  const carried: Carried[] = [];
  const gone: (string | undefined)[] = [];
  let accepted = 0;
  let change = Promise.withResolvers<void>();
  const tell = (): void => {
    change.resolve();
    change = Promise.withResolvers();
  };
  const forward = places.ofForward((client, early, leave) => {
    carried.push({ client, early: Buffer.from(early).toString(), leave });
    tell();
  });
  const listener = await listenSomewhere("tcp", (client) => {
    accepted += 1;
    forward.admit(client, (reason) => {
      gone.push(reason);
      tell();
    });
    tell();
  });
  const until = async (isSo: () => boolean): Promise<void> => {
    while (!isSo()) await change.promise;
  };
  return {
    carried,
    gone,
    until,
    /** A client, once it has been accepted. */
    async client(): Promise<Connection> {
      const before = accepted;
      const client = await connect(listener.address);
      await until(() => accepted > before);
      return client;
    },
    [Symbol.asyncDispose]: () => listener[Symbol.asyncDispose](),
  };
}

test("a forward has so many places, and whoever leaves makes room for the one who has waited longest, with its words", async () => {
  await using web = await forwardOf(new ClientLimit({ ofForward: 2, ofAll: 10, waitingOfForward: 10, ...line }));
  const clients: Connection[] = [];
  for (let index = 0; index < 4; index += 1) {
    const client = await web.client();
    client.write(`hello of ${index}`);
    clients.push(client);
  }
  expect(web.carried.map(({ early }) => early)).toEqual(["", ""]);
  web.carried[0]?.leave();
  web.carried[0]?.leave();
  expect(web.carried).toHaveLength(3);
  web.carried[1]?.leave();
  expect(web.carried).toHaveLength(4);
  for (const [index, { client, early }] of web.carried.entries()) {
    if (index < 2) continue;
    const received = receive(client);
    client.resume();
    await received.reached(`hello of ${index}`.length - early.length);
    expect(early + received.whole.toString()).toBe(`hello of ${index}`);
  }
});

for (const [how, leave] of [
  ["is reset", (client: Connection) => client.reset()],
  ["ends without a word", (client: Connection) => client.end()],
] as const) {
  test(`a client that waits and ${how} is taken out of the line, and its place is nobody's`, async () => {
    await using web = await forwardOf(new ClientLimit({ ofForward: 1, ofAll: 10, waitingOfForward: 3, ...line }));
    await web.client();
    const waiting = [await web.client(), await web.client(), await web.client()];
    for (const client of waiting) leave(client);
    await web.until(() => web.gone.length === 3);
    expect(web.gone).toEqual([undefined, undefined, undefined]);
    await web.client();
    web.carried[0]?.leave();
    expect(web.carried).toHaveLength(2);
  });
}

test("a client that has said something and then ends still has its turn: it may be waiting for the answer", async () => {
  await using web = await forwardOf(new ClientLimit({ ofForward: 1, ofAll: 10, waitingOfForward: 3, ...line }));
  await web.client();
  const asking = await web.client();
  asking.write("the question");
  asking.end();
  await web.client();
  web.carried[0]?.leave();
  const { client, early } = web.carried[1] ?? {};
  const received = receive(client as Connection);
  client?.resume();
  await received.ended;
  expect((early ?? "") + received.whole.toString()).toBe("the question");
});

test("what those who wait have said is bounded for all forwards together, and comes whole in their turn", async () => {
  const places = new ClientLimit({
    ofForward: 1,
    ofAll: 1,
    waitingOfForward: 50,
    waitingOfAll: 100,
    waitingBytes: 65_536,
  });
  const forwards = [await forwardOf(places), await forwardOf(places)] as const;
  const [web, other] = forwards;
  await web.client();
  const words = Buffer.alloc(100_000, "x");
  const say = (client: Connection | undefined): void => {
    client?.write(words);
    client?.end();
  };
  const early: (Connection | undefined)[] = [];
  for (let index = 0; index < 20; index += 1) early.push(await forwards[index % 2]?.client());
  for (const client of early) say(client);
  // They come while enough has been said.
  for (let index = 0; index < 20; index += 1) say(await forwards[index % 2]?.client());
  web.carried[0]?.leave();
  let heard = 0;
  const served = new Set(web.carried.slice(0, 1));
  for (let index = 0; index < 40; index += 1) {
    // One after the other has the only place.
    const [next] = [...web.carried, ...other.carried].filter((each) => !served.has(each));
    if (next === undefined) throw new Error("nobody has the place");
    served.add(next);
    heard += next.early.length;
    const received = receive(next.client);
    next.client.resume();
    await received.ended;
    expect(next.early.length + received.bytes).toBe(words.length);
    next.leave();
  }
  for (const forward of forwards) await forward[Symbol.asyncDispose]();
  expect(heard).toBeLessThan(3 * words.length);
});

for (const [how, leave] of [
  ["goes", (said: Connection) => said.reset()],
  ["is served", (_: Connection, first: Carried | undefined) => first?.leave()],
] as const) {
  test(`who has said much and ${how} makes room for the words, or the end, of others`, async () => {
    const places = new ClientLimit({
      ofForward: 1,
      ofAll: 10,
      waitingOfForward: 10,
      waitingOfAll: 100,
      waitingBytes: 1,
    });
    await using web = await forwardOf(places);
    await web.client();
    const talker = await web.client();
    talker.write("word");
    // What was said before somebody came is heard before he is accepted, or with him.
    await using elsewhere = await forwardOf(new ClientLimit());
    await elsewhere.client();
    leave(talker, web.carried[0]);
    await web.until(() => web.gone.length + web.carried.length === 2);
    const before = web.gone.length;
    (await web.client()).end();
    await web.until(() => web.gone.length > before);
  });
}

test("a line that is full takes nobody else, and says so", async () => {
  await using web = await forwardOf(new ClientLimit({ ofForward: 1, ofAll: 10, waitingOfForward: 2, ...line }));
  for (let index = 0; index < 3; index += 1) await web.client();
  const late = receive(await web.client());
  expect([await late.closed, web.gone]).toEqual(["ECONNRESET", ["Too many clients wait for their turn already."]]);
});

test("no more clients wait for all forwards together than are allowed to", async () => {
  const places = new ClientLimit({ ofForward: 1, ofAll: 10, waitingOfForward: 5, ...line, waitingOfAll: 2 });
  await using web = await forwardOf(places);
  await using other = await forwardOf(places);
  for (const forward of [web, web, other, other]) await forward.client();
  const late = receive(await other.client());
  expect([await late.closed, other.gone]).toEqual(["ECONNRESET", ["Too many clients wait for their turn already."]]);
  web.carried[0]?.leave();
  await other.client();
  expect(other.gone).toHaveLength(1);
});

test("all forwards together have so many places too, and none takes all that become free", async () => {
  const places = new ClientLimit({ ofForward: 3, ofAll: 3, waitingOfForward: 10, ...line });
  await using greedy = await forwardOf(places);
  await using modest = await forwardOf(places);
  for (let index = 0; index < 6; index += 1) await greedy.client();
  await modest.client();
  expect([greedy.carried.length, modest.carried.length]).toEqual([3, 0]);
  greedy.carried[0]?.leave();
  greedy.carried[1]?.leave();
  expect([greedy.carried.length, modest.carried.length]).toEqual([4, 1]);
});
