/** When the guest frees what it has read, and how much: with a kernel of numbers. */
import { expect, test } from "bun:test";
import { IdleFiles, keptBytes, type Kernel } from "../../../../src/agent/memory/idle-files.ts";

const MiB = 1024 * 1024;

/** A guest of 4 GiB with so much in memory; each look finds the disks as the next of `moves` has left them. */
function guest(fileMiB: number, moves: readonly number[] = []) {
  const state = { fileBytes: fileMiB * MiB, movedBytes: 0, looks: 0, slices: 0 };
  const { promise: freed, resolve } = Promise.withResolvers<void>();
  const logged: string[] = [];
  let press = (): void => {};
  const kernel: Kernel = {
    async movedBytes() {
      state.movedBytes += (moves[state.looks] ?? 0) * MiB;
      state.looks += 1;
      return state.movedBytes;
    },
    async memoryUse() {
      const { fileBytes } = state;
      if (fileBytes < keptBytes(4096 * MiB) + 64 * MiB) resolve();
      return { totalBytes: 4096 * MiB, usedBytes: 0, fileBytes };
    },
    async reclaim(bytes) {
      state.slices += 1;
      state.fileBytes -= bytes;
    },
    watch(onPressure) {
      press = onPressure;
      return { close: () => (press = () => {}) };
    },
  };
  return { state, kernel, freed, logged, log: (text: string) => void logged.push(text), press: () => press() };
}

test("what was read is freed once the disks are quiet, but for an eighth of the memory", async () => {
  const { state, kernel, freed, log, press } = guest(2500, [2000, 300, 1]);
  const files = new IdleFiles(log, kernel, 1);
  press();
  await freed;
  files.close();
  expect(state).toMatchObject({ looks: 3, slices: 31 });
  expect(state.fileBytes / MiB).toBe(2500 - 31 * 64);
});

test("a small guest keeps 256 MiB of its files", () => {
  expect(keptBytes(1536 * MiB)).toBe(256 * MiB);
  expect(keptBytes(8192 * MiB)).toBe(1024 * MiB);
});

test("while nothing happens, nothing is looked at", async () => {
  const { state, kernel, freed, log, press } = guest(300);
  const files = new IdleFiles(log, kernel, 1);
  expect(state.looks).toBe(0);
  press();
  await freed;
  await Bun.sleep(20);
  files.close();
  expect(state).toMatchObject({ looks: 1, slices: 0 });
});

test("somebody who begins to work while memory is freed waits for no more than one slice", async () => {
  const { state, kernel, freed, log } = guest(2500);
  const slices: number[] = [];
  const files: IdleFiles = new IdleFiles(
    log,
    {
      ...kernel,
      async movedBytes() {
        slices.push(state.slices);
        return await kernel.movedBytes();
      },
      async reclaim(bytes) {
        await kernel.reclaim(bytes);
        if (state.slices === 2) files.nudge();
      },
    },
    1,
  );
  files.nudge();
  await freed;
  files.close();
  expect(slices).toEqual([0, 2]);
});

test("a kernel that frees less than was asked for is asked no further until something happens", async () => {
  const { state, kernel, log, logged } = guest(2500);
  const { promise, resolve } = Promise.withResolvers<void>();
  const files = new IdleFiles(
    log,
    {
      ...kernel,
      async reclaim() {
        state.slices += 1;
        resolve();
        throw Object.assign(new Error("EAGAIN: resource temporarily unavailable, write"), { code: "EAGAIN" });
      },
    },
    1,
  );
  files.nudge();
  await promise;
  await Bun.sleep(20);
  files.close();
  expect(state).toMatchObject({ looks: 1, slices: 1 });
  expect(logged).toEqual([]);
});

test("a kernel that tells of no waiting, or frees nothing, is said once for each, and calls to Docker still count", async () => {
  const { kernel, log, logged } = guest(2500);
  const { promise, resolve } = Promise.withResolvers<void>();
  const files = new IdleFiles(
    (text) => {
      log(text);
      if (logged.length === 2) resolve();
    },
    {
      ...kernel,
      watch() {
        throw new Error("ENOENT: no such file");
      },
      async reclaim() {
        throw new Error("ENOENT: no memory.reclaim");
      },
    },
    1,
  );
  files.nudge();
  await promise;
  files.close();
  expect(logged).toEqual([
    "memory is given back after calls to Docker only: ENOENT: no such file",
    "memory cannot be given back: ENOENT: no memory.reclaim",
  ]);
});
