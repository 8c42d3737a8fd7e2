/** Snapshots where the file system shares blocks: an XFS in a file, which root mounts; skipped without mkfs.xfs. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, rm, rmdir, truncate, writeFile } from "node:fs/promises";
import { createSnapshot } from "../../../../src/host/snapshot/create.ts";
import { removeSnapshot, restoreSnapshot } from "../../../../src/host/snapshot/restore.ts";
import { findProgram, run } from "../../../../src/system/process.ts";
import { programsMs } from "../../../support/fake-vm.ts";
import { stoppedVm } from "../../../support/stopped-vm.ts";

setDefaultTimeout(programsMs);

const canMount = process.getuid?.() === 0 && findProgram("mkfs.xfs") !== undefined;

test.skipIf(!canMount)(
  "where blocks are shared the data disk stays what it was: one raw file, as its snapshots are",
  async () => {
    const folder = await mkdtemp("/tmp/qn-xfs-");
    const file = `${folder}.img`;
    await writeFile(file, "");
    await truncate(file, 400 * 1024 ** 2);
    try {
      expect((await run(["mkfs.xfs", "-q", file])).exitCode).toBe(0);
      expect((await run(["mount", "-o", "loop", file, folder])).exitCode).toBe(0);
      await using vm = await stoppedVm(folder);
      const data = async (): Promise<string[]> => (await vm.files()).filter((path) => path.startsWith("_data/"));
      const before = await vm.seen();
      await createSnapshot(vm.paths, "first", 1);
      await vm.change(2, 1024);
      const layer = expect.stringMatching(/^_data\/default\.layers\/[0-9a-f]{16}\.raw$/) as unknown as string;
      expect(await data()).toEqual([layer, "_data/default.raw"]);
      await restoreSnapshot(vm.paths, "first");
      expect(await vm.seen()).toEqual({ ...before, snapshots: ["first"] });
      expect(await data()).toEqual([layer, "_data/default.raw"]);
      await removeSnapshot(vm.paths, "first");
      expect([await vm.seen(), await data()]).toEqual([before, ["_data/default.raw"]]);
    } finally {
      await run(["umount", folder]);
      await rmdir(folder);
      await rm(file);
    }
  },
);
