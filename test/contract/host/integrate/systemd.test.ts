/** The service of a VM in the hands of a real systemd. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { newFolder } from "../../../support/folder.ts";
import { besideManager, mayManage } from "../../../support/systemd.ts";
import { programsMs } from "../../../support/fake-vm.ts";

setDefaultTimeout(programsMs);

test.skipIf(!mayManage)(
  "a real user manager starts the service, starts it again after a crash and not after down, and forgets it",
  async () => {
    await using home = await newFolder();
    const program = join(import.meta.dir, "../../../support/inside/systemd-life.ts");
    const said = await besideManager(
      home.path,
      `exec env -i HOME="$HOME" XDG_RUNTIME_DIR="$XDG_RUNTIME_DIR" PATH=/usr/bin:/bin:/usr/sbin '${process.execPath}' '${program}'`,
    );
    expect(JSON.parse(said.trim().split("\n").at(-1) ?? "")).toEqual({
      "active after install": true,
      "up finds it running": "running",
      "the same QEMU after a crash": true,
      "active after a crash": true,
      down: "stopped",
      "after down": ["stopped", "Result=success", "SubState=dead"],
      uninstalled: true,
      "units left": [],
    });
  },
  120_000,
);
