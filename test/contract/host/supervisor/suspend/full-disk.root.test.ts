/** A VM that is suspended onto a disk that is full: it runs on, and can be suspended later. Root on Linux mounts one. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, rm, rmdir, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { takeDown } from "../../../../../src/host/lifecycle/down.ts";
import { dockerApi } from "../../../../../src/system/docker-api.ts";
import { mount, unmount } from "../../../../../src/system/kernel/libc.ts";
import { failureOf } from "../../../../support/failures.ts";
import { fakeVm, programsMs, stateOf } from "../../../../support/fake-vm.ts";

setDefaultTimeout(programsMs);

const isRoot = process.getuid?.() === 0 && process.platform === "linux";

/** What the fake guest's memory takes is three megabytes; so much of it finds room. */
const rooms = { "none of it": 0, "its first megabyte": 1024 ** 2 };

for (const [what, roomBytes] of Object.entries(rooms)) {
  test.skipIf(!isRoot)(`a VM of which ${what} fits on the disk is not suspended, runs on, and is later`, async () => {
    const folder = await mkdtemp("/tmp/qn-full-");
    mount("none", folder, "tmpfs", "size=8m");
    try {
      await using vm = await fakeVm("boots", folder);
      await vm.up();
      const before = await vm.files();
      const filler = join(folder, "filler");
      const fill = writeFile(filler, Buffer.alloc(16 * 1024 ** 2, 1));
      await fill.catch((error: unknown) => expect(String(error)).toContain("ENOSPC"));
      await truncate(filler, Bun.file(filler).size - roomBytes);
      const suspend = () => takeDown(vm.paths, { force: false, env: vm.env, suspend: () => {} });
      expect(await failureOf(suspend)).toEqual({
        code: "SUSPEND_REFUSED",
        message: expect.stringContaining("no space left"),
      });
      // It links to its agent anew.
      await vm.up();
      expect([await stateOf(vm), await vm.files()]).toEqual([{ state: "running", reason: null }, before]);
      expect(await dockerApi(vm.paths.dockerSocket).containers()).toEqual([]);
      await rm(filler);
      expect(await suspend()).toBe("suspended");
      vm.told.length = 0;
      await vm.up();
      expect([vm.told.includes("phase boot"), await stateOf(vm)]).toEqual([false, { state: "running", reason: null }]);
    } finally {
      unmount(folder);
      await rmdir(folder);
    }
  });
}
