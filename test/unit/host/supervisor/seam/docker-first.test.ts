/** The order on a new link: Docker first, then all else, and the connections for clients of ports last. */
import { expect, test } from "bun:test";
import { DockerFirst } from "../../../../../src/host/supervisor/seam/docker-first.ts";

/** A link that says what is done on it, and what resolves once it is warm. */
function links(times: { patienceMs?: number; turnMs?: number }) {
  const done: string[] = [];
  const first = new DockerFirst<ReturnType<typeof linkOf>>((link) => {
    done.push(`settle ${link.name}`);
    link.onSettled();
  }, times);
  function linkOf(name: string) {
    const [warm, settled] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    return {
      name,
      isWarm: warm.promise,
      isSettled: settled.promise,
      onSettled: settled.resolve,
      warm() {
        done.push(`warm ${name}`);
        warm.resolve();
      },
    };
  }
  return { first, done, linkOf };
}

const never = 3_600_000;

test("where Docker is up it is asked before all else, and connections for ports come after its answer", async () => {
  const { first, done, linkOf } = links({ patienceMs: never, turnMs: 0 });
  const link = linkOf("a");
  first.linked(link);
  first.ports();
  expect(done).toEqual([]);
  first.answered();
  expect(done).toEqual(["settle a"]);
  await link.isWarm;
  expect(done).toEqual(["settle a", "warm a"]);
});

test("a guest that boots has all else at once, and no idle connections before Docker answers, but for ports", () => {
  const { first, done, linkOf } = links({ patienceMs: never, turnMs: never });
  first.linked(linkOf("a"));
  first.down();
  first.down();
  expect(done).toEqual(["settle a"]);
  first.ports();
  expect(done).toEqual(["settle a", "warm a"]);
  first.lost();
});

test("a Docker that does not answer keeps nothing waiting for good", async () => {
  const { first, done, linkOf } = links({ patienceMs: 0, turnMs: never });
  const link = linkOf("a");
  first.linked(link);
  await link.isSettled;
  expect(done).toEqual(["settle a"]);
  first.answered();
  expect(done).toEqual(["settle a"]);
  first.lost();
});

test("nothing is done on a link that was lost, and the next has everything of its own", async () => {
  const { first, done, linkOf } = links({ patienceMs: never, turnMs: 0 });
  first.linked(linkOf("a"));
  first.ports();
  first.lost();
  first.answered();
  const next = linkOf("b");
  first.linked(next);
  first.down();
  expect(done).toEqual(["settle b"]);
  first.answered();
  await next.isWarm;
  expect(done).toEqual(["settle b", "warm b"]);
});
