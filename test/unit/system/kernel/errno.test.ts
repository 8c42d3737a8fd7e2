/** What a call has given, where the engine's own calls come between it and the question for its error. */
import { expect, test } from "bun:test";
import { outcome } from "../../../../src/system/kernel/errno.ts";
import { fromLibrary } from "../../../../src/system/kernel/library.ts";

const libc = fromLibrary({ close: { args: ["i32"], returns: "i32" }, chdir: { args: ["ptr"], returns: "i32" } });
const EBADF = -9;

test.skipIf(process.platform !== "linux")("an error is the call's own, and none that came after it", () => {
  let calls = 0;
  const fails = (): number => {
    const value = libc().close(-1);
    calls += 1;
    // ENOENT in place of the first call's EBADF, as the collector's EACCES was.
    if (calls === 1) whatSetsAnother();
    return value;
  };
  expect(outcome(fails)).toBe(EBADF);
  expect(calls).toBe(3);
});

test.skipIf(process.platform !== "linux")(
  "a call that succeeds is made once, and one that fails for good no more than four times",
  () => {
    let calls = 0;
    expect(outcome(() => (calls += 1))).toBe(1);
    expect(calls).toBe(1);
    expect(
      outcome(() => {
        const value = libc().close(-1);
        calls += 1;
        if (calls % 2 === 0) whatSetsAnother();
        return value;
      }),
    ).toBeLessThan(0);
    expect(calls).toBe(5);
  },
);

/** ENOENT, by way of a folder that is not there. */
function whatSetsAnother(): void {
  libc().chdir(Buffer.from("/no such folder\0"));
}
