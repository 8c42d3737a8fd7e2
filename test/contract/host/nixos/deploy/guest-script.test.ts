/** How a deployment reaches the guest: by one connection before the switch, and by new ones from then on. */
import { expect, test } from "bun:test";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openGuest } from "../../../../../src/host/nixos/deploy/guest-script.ts";
import { layoutOf, sshMasterSocket } from "../../../../../src/host/layout.ts";

test("what comes before a switch shares a connection; the switch, health and commit have their own each time", async () => {
  const folder = await mkdtemp("/tmp/qn-deploy-");
  const before = process.env["PATH"];
  try {
    const program = join(folder, "ssh");
    await writeFile(program, `#!/bin/sh\ncat > /dev/null\nprintf '%s\\n' "$*" >> '${folder}/told'\n`);
    await chmod(program, 0o755);
    process.env["PATH"] = `${folder}:${before}`;
    const paths = layoutOf(join(folder, "home")).vm("web");
    await mkdir(paths.folder, { recursive: true });
    const guest = await openGuest(paths);
    const asked = ["has", "differences", "begin", "await", "well", "commit", "outcome", "log", "call-off"];
    for (const word of asked) await guest.attempt([word, "x"]);
    const told = (await readFile(join(folder, "told"), "utf8")).trim().split("\n");
    const shared = told.map((line) => line.includes(`-S ${sshMasterSocket(paths, "root")} root@qn-web`));
    const own = told.map((line) => line.includes("-S none root@qn-web"));
    const [four, six] = [Array.from({ length: 4 }, () => true), Array.from({ length: 6 }, () => false)];
    expect([shared, own.map((is) => !is)]).toEqual([
      [...four, ...six],
      [...four, ...six],
    ]);
  } finally {
    process.env["PATH"] = before;
    await rm(folder, { recursive: true });
  }
});
