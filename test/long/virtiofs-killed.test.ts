/** The server of a mount killed again and again under a load that this kernel's own FUSE asks of it. */
import { expect, test } from "bun:test";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { plainUser } from "../support/fuse-calls.ts";
import { canMount, inFuseMount } from "../support/fuse-mount.ts";
import { runProgram } from "../support/program.ts";

/** What a shell says that should say nothing. */
const script = `cd "$0"; exec 2>&1; for i in $(seq 400); do echo $i >$i; cat $i >>all; done`;
const expected = Array.from({ length: 400 }, (_, index) => `${index + 1}`);

test.skipIf(!canMount).each([0, plainUser, 0, plainUser])(
  "nothing is lost and nothing refused while the server, user %d's, is killed",
  async (uid) => {
    await inFuseMount(
      async ({ at, folder, place }) => {
        const load = runProgram(["sh", "-c", script, at]);
        let killed = 0;
        // Each worker has done something before it is killed: its holder gives up those that never serve.
        for (let done = 0, isOver = false; !isOver;) {
          isOver = await Promise.race([load.then(() => true), Bun.sleep(20).then(() => false)]);
          const size = await stat(join(folder, "all")).then(
            (found) => found.size,
            () => 0,
          );
          if (size < done + 30) continue;
          done = size;
          killed += 1;
          await runProgram(["pkill", "-KILL", "-f", `${place}/s.sock.* --worker`]);
        }
        expect((await load).stdout).toBe("");
        // A line that was appended and not yet answered is appended twice.
        const lines = (await readFile(join(folder, "all"), "utf8")).trim().split("\n");
        expect([...new Set(lines)]).toEqual(expected);
        expect(killed).toBeGreaterThan(5);
      },
      { uid, flags: ["--lifetime-ms=100"] },
    );
  },
  120_000,
);
