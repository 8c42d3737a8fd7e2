/** One thing after the other, and a failure that stays its own. */
import { expect, test } from "bun:test";
import { newQueue } from "../../../src/base/queue.ts";

test("one thing begins when the one before has ended, and a failure is its own caller's alone", async () => {
  const inTurn = newQueue();
  const first = Promise.withResolvers<string>();
  const order: string[] = [];
  const one = inTurn(async () => {
    order.push("one begins");
    return await first.promise;
  });
  const two = inTurn(async () => {
    order.push("two begins");
    throw new Error("two fails");
  });
  const three = inTurn(async () => order.push("three begins"));
  await Promise.resolve();
  expect(order).toEqual(["one begins"]);
  first.resolve("one's answer");
  expect(await one).toBe("one's answer");
  expect(await two.catch((error: unknown) => String(error))).toBe("Error: two fails");
  await three;
  expect(order).toEqual(["one begins", "two begins", "three begins"]);
});
