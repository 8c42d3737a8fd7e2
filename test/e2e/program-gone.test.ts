/** A program that was replaced or removed while it runs: what it starts is still itself. */
import { expect, test } from "bun:test";
import { chmod, copyFile, mkdir, readdir, readlink, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { newFolder } from "../support/folder.ts";
import { qnProgram } from "../support/program.ts";
import { named, VhostGuest, words } from "../support/vhost-guest.ts";

const mkdirOpcode = 9;
const rootNode = 1n;

/** Linux alone has a name for the program that runs. */
test.skipIf(process.platform !== "linux").each(["removed", "replaced"])(
  "a mount whose server dies goes on though qn's program was %s",
  async (how) => {
    await using home = await newFolder();
    const [program, share] = [join(home.path, "qn"), join(home.path, "share")];
    await mkdir(share);
    await copyFile(qnProgram, program);
    await using guest = await VhostGuest.start(share, join(home.path, "qn0.sock"), { program });
    await rm(program);
    if (how === "replaced") {
      await writeFile(program, "#!/bin/sh\nexit 1\n");
      await chmod(program, 0o755);
    }
    process.kill(await guest.worker(), "SIGKILL");
    const asked = await guest.ask(mkdirOpcode, rootNode, Buffer.concat([words(0o755, 0), named("made")]));
    expect([asked.error, await readdir(share)]).toEqual([0, ["made"]]);
    expect(await readlink(`/proc/${await guest.worker()}/exe`)).toBe(`${program} (deleted)`);
  },
  60_000,
);
