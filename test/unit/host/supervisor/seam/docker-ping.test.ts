/** Questions to Docker: one at a time on a link, however often they are wanted, and none to an agent that is gone. */
import { expect, test } from "bun:test";
import { DockerPing } from "../../../../../src/host/supervisor/seam/docker-ping.ts";

/** Questions that a test answers. */
function questions() {
  const asked: { link: string | undefined; signal: AbortSignal; answer: (isAnswered: boolean) => void }[] = [];
  const ping = new DockerPing<string | undefined>((link, signal) => {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    asked.push({ link, signal, answer: resolve });
    return promise;
  });
  const answer = async (index: number, isAnswered: boolean): Promise<void> => {
    asked[index]?.answer(isAnswered);
    for (let turns = 0; turns < 5; turns += 1) await Promise.resolve();
  };
  return { ping, asked, answer };
}

test("a thousand times wanted is asked once, and once more when that was in vain", async () => {
  const { ping, asked, answer } = questions();
  for (let time = 0; time < 1_000; time += 1) ping.ask("link");
  expect(asked).toHaveLength(1);
  await answer(0, false);
  expect(asked).toHaveLength(2);
  await answer(1, false);
  expect(asked).toHaveLength(2);
});

test("an answer is one to all who wanted it: Docker may have been said to be down since", async () => {
  const { ping, asked, answer } = questions();
  ping.ask("link");
  ping.ask("link");
  await answer(0, true);
  expect(asked).toHaveLength(1);
  ping.ask("link");
  expect(asked).toHaveLength(2);
});

test("another link is asked at once, and nobody waits for the one before", async () => {
  const { ping, asked, answer } = questions();
  ping.ask("old");
  ping.ask("old");
  ping.ask("new");
  expect(asked.map(({ link, signal }) => [link, signal.aborted])).toEqual([
    ["old", true],
    ["new", false],
  ]);
  await answer(0, false);
  expect(asked).toHaveLength(2);
  ping.close();
  expect(asked[1]?.signal.aborted).toBe(true);
});

test("a message that comes before there is a link is no mistake", () => {
  const { ping, asked } = questions();
  ping.ask(undefined);
  ping.ask(undefined);
  expect(asked).toHaveLength(1);
});
