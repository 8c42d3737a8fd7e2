/** What the guest may have watched, and how changes become messages. */
import { expect, test } from "bun:test";
import { messagesOf, noChanges, watchRoots } from "../../../../src/host/changes/watch-plan.ts";
import { changedPathsMax } from "../../../../src/protocol/messages.ts";

const bounds = { shared: ["/home/ann", "/tmp"], hidden: "/home/ann/.qn" };

test("only what is shared is watched, and nothing of QN_HOME, whatever the guest asks for", () => {
  const asked = ["/etc", "/home/ann", "/home/ann2/x", "/home/ann/.qn/default", "/tmp/x", "/"];
  expect(watchRoots(asked, bounds)).toEqual(["/home/ann", "/tmp/x"]);
});

test("what lies below another root is watched with it", () => {
  const asked = ["/home/ann/src/web", "/home/ann/src", "/home/ann/src", "/home/ann/src2"];
  expect(watchRoots(asked, bounds)).toEqual(["/home/ann/src", "/home/ann/src2"]);
});

test("no changes make no message", () => {
  expect(messagesOf(noChanges())).toEqual([]);
});

test("changes are told gone first, in messages of a bounded size", () => {
  const changes = noChanges();
  for (let index = 0; index <= changedPathsMax; index += 1) changes.files.add(`/tmp/${index}`);
  changes.gone.add("/tmp/old");
  changes.folders.add("/tmp");
  const counts = messagesOf(changes).map(({ there, gone, folders, files }) =>
    [there, gone, folders, files].map((paths) => paths.length),
  );
  expect(counts).toEqual([
    [0, 1, 0, 0],
    [0, 0, 1, 0],
    [0, 0, 0, changedPathsMax],
    [0, 0, 0, 1],
  ]);
});
