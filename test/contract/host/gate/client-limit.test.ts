/** The places of ports' clients: how many are carried at once, in which order the others come, and who is taken out. */
import { expect, test } from "bun:test";
import { ClientLimit } from "../../../../src/host/gate/client-limit.ts";
import { connect, type Connection } from "../../../../src/system/net/connection.ts";
import { listenSomewhere, receive } from "../../../support/streams.ts";

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
  await using web = await forwardOf(new ClientLimit({ ofForward: 2, ofAll: 10, waitingOfForward: 10 }));
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
    await using web = await forwardOf(new ClientLimit({ ofForward: 1, ofAll: 10, waitingOfForward: 3 }));
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
  await using web = await forwardOf(new ClientLimit({ ofForward: 1, ofAll: 10, waitingOfForward: 3 }));
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

test("a line that is full takes nobody else, and says so", async () => {
  await using web = await forwardOf(new ClientLimit({ ofForward: 1, ofAll: 10, waitingOfForward: 2 }));
  for (let index = 0; index < 3; index += 1) await web.client();
  const late = receive(await web.client());
  expect([await late.closed, web.gone]).toEqual(["ECONNRESET", ["2 clients wait for their turn already."]]);
});

test("all forwards together have so many places too, and none takes all that become free", async () => {
  const places = new ClientLimit({ ofForward: 3, ofAll: 3, waitingOfForward: 10 });
  await using greedy = await forwardOf(places);
  await using modest = await forwardOf(places);
  for (let index = 0; index < 6; index += 1) await greedy.client();
  await modest.client();
  expect([greedy.carried.length, modest.carried.length]).toEqual([3, 0]);
  greedy.carried[0]?.leave();
  greedy.carried[1]?.leave();
  expect([greedy.carried.length, modest.carried.length]).toEqual([4, 1]);
});
