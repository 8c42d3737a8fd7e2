/** What a watch of one file by itself hears in a share of virtiofs when the host takes the file from its name. */
import { expect, test } from "bun:test";
import { constants } from "node:fs";
import { open, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { announceEnd } from "../../../../src/agent/changes/announce.ts";
import { lookAgain } from "../../../../src/agent/changes/look-again.ts";
import { O_PATH } from "../../../../src/system/kernel/libc.ts";
import { canMount, type FuseMount, inFuseMount } from "../../../support/fuse-mount.ts";
import { runProgram } from "../../../support/program.ts";
import { until } from "../../../support/until.ts";
import { watchedEvents, watchProgram } from "../../../support/watch-program.ts";

/** Ways of the host to take a file from its name, and what the watch hears, in its order. */
const ways = {
  replaced: async (path) => {
    await writeFile(`${path}.next`, "next");
    await rename(`${path}.next`, path);
  },
  removed: (path) => rm(path),
} satisfies Record<string, (path: string) => Promise<void>>;

/** Whether the server still has it open, or is another that only knows its name. */
const servers = { "has it at hand": async () => {}, "is a new one": killWorker } satisfies Record<
  string,
  (mount: FuseMount) => Promise<void>
>;

const cases = Object.entries(ways).flatMap(([way, act]) =>
  Object.entries(servers).map(([server, prepare]) => [way, server, act, prepare] as const),
);

test.skipIf(!canMount || process.arch !== "x64").each(cases)(
  "a file that the host has %s says so to who watches it by itself, when the server %s",
  async (_way, _server, act, prepare) => {
    await inFuseMount(
      async (mount) => {
        const { at, folder, place } = mount;
        await writeFile(join(folder, "file"), "old");
        const [file, output, program] = [join(at, "file"), join(place, "events"), join(place, "watch")];
        await writeFile(program, watchProgram(), { mode: 0o755 });
        const pin = await open(file, O_PATH | constants.O_NOFOLLOW);
        const { uid, gid, mode } = await pin.stat();
        const watch = Bun.spawn([program, file], { stdout: Bun.file(output) });
        try {
          await until("the watch", 5_000, () => (Bun.file(output).size > 0 ? true : undefined));
          expect(await readFile(file, "utf8")).toBe("old");
          await act(join(folder, "file"));
          await prepare(mount);
          await lookAgain(file);
          await announceEnd({ path: `/proc/self/fd/${pin.fd}`, owner: { uid, gid, mode } });
          await pin.close();
          const heard = async () => watchedEvents(Buffer.from(await Bun.file(output).arrayBuffer()));
          const events = await until("the end", 5_000, async () => {
            const all = await heard();
            return all.includes("1 IGNORED") ? all : undefined;
          });
          expect(events).toEqual(["1 ATTRIB", "1 DELETE_SELF", "1 IGNORED"]);
        } finally {
          watch.kill();
          await watch.exited;
        }
      },
      { flags: ["--lifetime-ms=600000"] },
    );
  },
);

// --- internal ---

async function killWorker({ place }: FuseMount): Promise<void> {
  await runProgram(["pkill", "-KILL", "-f", `${place}/s.sock.* --worker`]);
}
