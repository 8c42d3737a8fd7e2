/** The settings that a restore brings, beside disks that stay as they are. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { makeOwnDisk, type SizedDisk } from "../../../../src/host/image/disk.ts";
import { volumeFile } from "../../../../src/host/layout.ts";
import { createSnapshot } from "../../../../src/host/snapshot/create.ts";
import { restoreSnapshot } from "../../../../src/host/snapshot/restore.ts";
import { diskUse } from "../../../../src/host/vm/own-disks.ts";
import { effectiveConfig } from "../../../../src/host/vm/settings.ts";
import { programsMs } from "../../../support/fake-vm.ts";
import { stoppedVm } from "../../../support/stopped-vm.ts";

setDefaultTimeout(programsMs);

test("a disk that was made or has grown since a snapshot is not larger than the settings that come back", async () => {
  await using vm = await stoppedVm();
  const settings = "# Mine.\ndiskGiB: 2\nvolumes: [{ name: db, sizeGiB: 1 }]\n";
  await writeFile(vm.paths.config, settings);
  await createSnapshot(vm.paths, "never-up", 1);
  await mkdir(vm.paths.volumes);
  const db: SizedDisk = { name: "db", path: volumeFile(vm.paths, "db"), sizeGiB: 3 };
  await makeOwnDisk(db);
  await restoreSnapshot(vm.paths, "never-up");
  const { config } = await effectiveConfig(vm.paths, vm.env);
  expect([config.diskGiB, config.volumes]).toEqual([2, [{ name: "db", sizeGiB: 3 }]]);
  expect(await readFile(vm.paths.config, "utf8")).toStartWith("# Mine.\n");
  // A disk of the snapshot's comes back as small as it was.
  await writeFile(vm.paths.config, settings.replace("sizeGiB: 1", "sizeGiB: 3"));
  await createSnapshot(vm.paths, "of-both", 2);
  await makeOwnDisk({ ...db, sizeGiB: 4 });
  await restoreSnapshot(vm.paths, "of-both");
  expect((await effectiveConfig(vm.paths, vm.env)).config.volumes).toEqual([{ name: "db", sizeGiB: 3 }]);
  expect((await diskUse(db.path))?.sizeBytes).toBe(3 * 1024 ** 3);
});
