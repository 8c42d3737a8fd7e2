/** What of a process' descriptors ports may take, and that no listener comes beyond. */
import { expect, test } from "bun:test";
import { sharesOf } from "../../../../src/host/gate/descriptor-shares.ts";
import { ListenerLimit } from "../../../../src/host/gate/listener-limit.ts";

const listens = { close: () => {} };

test("ports leave an eighth of all descriptors to Docker's socket and to whoever asks for the state", () => {
  for (const most of [256, 1024, 4096, 1_048_576]) {
    const { listeners, waiting, clients, flows } = sharesOf(most);
    // A client that is carried has a connection to the guest beside its own, a flow has only that.
    expect(listeners + waiting + 2 * clients + flows).toBeLessThanOrEqual((most / 8) * 7);
  }
});

test("no listener is opened beyond those that may be, and one that is closed or has failed makes room", async () => {
  const limit = new ListenerLimit(2);
  const refusal = "there are 2 listeners, as many as qn may have here";
  const first = await limit.open(() => listens);
  await expect(limit.open(() => Promise.reject(new Error("taken")))).rejects.toThrow("taken");
  // One that is still being opened counts.
  const opening = Promise.withResolvers<typeof listens>();
  const second = limit.open(() => opening.promise);
  await expect(limit.open(() => listens)).rejects.toThrow(refusal);
  opening.resolve(listens);
  first.close();
  first.close();
  await limit.open(() => listens);
  await expect(limit.open(() => listens)).rejects.toThrow(refusal);
  (await second).close();
  await limit.open(() => listens);
});
