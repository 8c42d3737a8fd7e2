/** What is said of data that are too new for an image, done as it is said. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { QnError } from "../../../../src/base/errors.ts";
import { refuseOlderData } from "../../../../src/host/image/data-version.ts";
import { layersFolder, liveDisk } from "../../../../src/host/image/live-disk.ts";
import type { StoredImage } from "../../../../src/host/image/store.ts";
import { createSnapshot } from "../../../../src/host/snapshot/create.ts";
import { settleVm } from "../../../../src/host/snapshot/settle.ts";
import { run } from "../../../../src/system/process.ts";
import { programsMs } from "../../../support/fake-vm.ts";
import { stoppedVm } from "../../../support/stopped-vm.ts";

setDefaultTimeout(programsMs);

test("what is said of going back to data of before leads there, also where the disk lies on layers", async () => {
  await using vm = await stoppedVm();
  const { dataDisk } = vm.paths;
  await writeFile(`${dataDisk}.before`, "format 1");
  await writeFile(`${dataDisk}.version`, "2\n");
  await createSnapshot(vm.paths, "first", 1);
  // Whatever this file system shares: as where it shares nothing.
  const [layer = ""] = await readdir(layersFolder(dataDisk));
  const live = join(layersFolder(dataDisk), "live.qcow2");
  if ((await liveDisk(dataDisk)).format === "raw") {
    await run(["qemu-img", "create", "-f", "qcow2", "-F", "raw", "-b", layer, live]);
    await rm(dataDisk);
  }
  const manifest = { name: "debian", version: "1" } as StoredImage["manifest"];
  const refused = await refuseOlderData(vm.paths, { manifest } as StoredImage).catch((error: unknown) => error);
  const { code, hint } = refused as QnError;
  expect([code, hint]).toEqual(["DATA_NEWER", expect.stringContaining(live)]);
  const [, from = "", to = "", gone = ""] = /is in (\S+): .* move it to (\S+) and remove (.*)\.$/.exec(hint) ?? [];
  expect(from).toBe(`${dataDisk}.before`);
  await rename(from, to);
  for (const path of gone.split(" and ")) await rm(path);
  await settleVm(vm.paths);
  await refuseOlderData(vm.paths, { manifest } as StoredImage);
  expect(await Bun.file((await liveDisk(dataDisk)).path).text()).toBe("format 1");
});
