/** A guest that is to go on while QEMU is still ending a migration: QEMU refuses for a moment. */
import { expect, test } from "bun:test";
import { connectQmp } from "../../../../src/host/qmp/client.ts";
import { goOn } from "../../../../src/host/qmp/migrate.ts";
import { failureOf } from "../../../support/failures.ts";
import { startFakeQmp } from "../../../support/fake-qmp.ts";

/** Word for word what QEMU 7.2 says. */
const notOver = "Migration is not finalized yet";

/** A monitor that refuses so many `cont` with these words; gives how many it has heard. */
async function refusing(times: number, words: string) {
  let heard = 0;
  const fake = await startFakeQmp({
    onCommand({ id }, peer) {
      heard += 1;
      if (heard > times) return peer.reply(id, {});
      peer.send(`${JSON.stringify({ error: { class: "GenericError", desc: words }, id })}\r\n`);
    },
  });
  return { fake, heard: () => heard };
}

test("a guest goes on as soon as the migration is over that could not be got through", async () => {
  const { fake, heard } = await refusing(3, notOver);
  await using it = fake;
  await using qmp = await connectQmp(it.socketPath);
  await goOn(qmp);
  expect(heard()).toBe(4);
});

test("one that never is, and what QEMU refuses for another reason, is told", async () => {
  for (const words of [notOver, "Failed to get write lock"]) {
    const { fake, heard } = await refusing(Number.POSITIVE_INFINITY, words);
    await using it = fake;
    await using qmp = await connectQmp(it.socketPath);
    expect(await failureOf(() => goOn(qmp, { deadlineMs: 50 }))).toMatchObject({
      code: "QEMU_FAILED",
      message: expect.stringContaining(words),
    });
    expect(heard() > 1).toBe(words === notOver);
  }
});
