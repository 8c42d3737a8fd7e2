/** Snapshots and imports on a disk that is full: the room is named, and everything is what it was. Root on Linux mounts one. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, rm, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { exportVm } from "../../../../src/host/snapshot/archive/export.ts";
import { importVm } from "../../../../src/host/snapshot/archive/import.ts";
import { createSnapshot } from "../../../../src/host/snapshot/create.ts";
import { removeSnapshot, restoreSnapshot } from "../../../../src/host/snapshot/restore.ts";
import { mount, unmount } from "../../../../src/system/kernel/libc.ts";
import { failureOf } from "../../../support/failures.ts";
import { programsMs } from "../../../support/fake-vm.ts";
import { type StoppedVm, stoppedVm } from "../../../support/stopped-vm.ts";

setDefaultTimeout(programsMs);

const isRoot = process.getuid?.() === 0 && process.platform === "linux";

/** A VM on a file system of its own, of so many megabytes. */
async function onSmallDisk(action: (vm: StoppedVm) => Promise<void>, megabytes = 6): Promise<void> {
  const folder = await mkdtemp("/tmp/qn-full-");
  mount("none", folder, "tmpfs", `size=${megabytes}m`);
  try {
    await using vm = await stoppedVm(folder);
    await action(vm);
  } finally {
    unmount(folder);
    await rmdir(folder);
  }
}

/** Takes what room there is; disposing gives it back. */
async function filled(vm: StoppedVm): Promise<AsyncDisposable> {
  const path = join(vm.home, "_filler");
  const fill = writeFile(path, Buffer.alloc(64 * 1024 ** 2, 1));
  await fill.catch((error: unknown) => expect(String(error)).toContain("ENOSPC"));
  return { [Symbol.asyncDispose]: () => rm(path) };
}

const noRoom = expect.stringMatching(/there is no space left, .* are free in /) as unknown as string;

test.skipIf(!isRoot)(
  "on a full disk no snapshot is made and none restored, the room is named, and nothing is left",
  async () => {
    await onSmallDisk(async (vm) => {
      await createSnapshot(vm.paths, "first", 1);
      await vm.change(2, 1024);
      const [seen, files] = [await vm.seen(), await vm.files()];
      {
        await using _ = await filled(vm);
        for (const action of [() => createSnapshot(vm.paths, "second", 2), () => restoreSnapshot(vm.paths, "first")]) {
          expect(await failureOf(action)).toEqual({ code: "DISK_FAILED", message: noRoom });
          expect(await vm.files()).toEqual(files);
        }
      }
      expect(await vm.seen()).toEqual(seen);
      await restoreSnapshot(vm.paths, "first");
    });
  },
);

test.skipIf(!isRoot)(
  "a snapshot that is removed on a full disk is gone, and its room comes with the next removal",
  async () => {
    await onSmallDisk(async (vm) => {
      await createSnapshot(vm.paths, "first", 1);
      for (let at = 1024; at < 3072; at += 64) await vm.change(3, at);
      const seen = await vm.seen();
      {
        await using _ = await filled(vm);
        expect(await failureOf(() => removeSnapshot(vm.paths, "first"))).toEqual({
          code: "DISK_FAILED",
          message: noRoom,
        });
      }
      expect(await vm.seen()).toEqual({ ...seen, snapshots: [] });
      expect((await failureOf(() => removeSnapshot(vm.paths, "first"))).code).toBe("NO_SUCH_SNAPSHOT");
      expect((await vm.files()).filter((path) => path.startsWith("_data"))).toEqual(["_data/default.raw"]);
      expect(await vm.seen()).toEqual({ ...seen, snapshots: [] });
    }, 12);
  },
);

test.skipIf(!isRoot)(
  "on a full disk nothing is exported or imported, the room is named, and nothing is left",
  async () => {
    await onSmallDisk(async (vm) => {
      // What does not get smaller by packing.
      for (let at = 1024; at < 3072; at += 64) await vm.change(at % 251, at);
      const { signal } = new AbortController();
      const facts = { arch: "x86_64", qn: "0", madeAtMs: 0 } as const;
      const file = join(vm.home, "_out");
      await exportVm(vm.paths, file, facts, signal);
      await using _ = await filled(vm);
      const files = await vm.files();
      const again = await failureOf(() => exportVm(vm.paths, `${file}2`, facts, signal));
      expect(again).toEqual({ code: "DISK_FAILED", message: noRoom });
      const import2 = await failureOf(() => importVm(vm.layout, vm.layout.vm("web"), file, signal));
      expect(import2).toMatchObject({ code: "DISK_FAILED", message: expect.stringMatching(/ are free/) });
      expect(await vm.files()).toEqual(files);
    });
  },
);
