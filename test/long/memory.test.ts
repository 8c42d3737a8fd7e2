/** What a container has used and left is given back to this machine, however the guest's memory lies there. */
import { expect } from "bun:test";
import { mkdir } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { givenBack, guestMiB, usedMiB } from "../support/memory-given-back.ts";
import { bootVm, testWithVm, type Vm } from "../support/vm.ts";

const test = testWithVm(() => bootVm({ flags: () => ["--memory", `${guestMiB}`] }));

/** A quarter stays at most, of which an eighth of the guest's memory are files; a busy machine needs its time. */
const expected = { shareMax: 0.25, limitS: 120 };

async function expectGivenBack(vm: Vm): Promise<void> {
  for (const use of ["own", "files"] as const) {
    const seen = await givenBack(vm, use, expected);
    console.log(`${use}: ${JSON.stringify(seen)}`);
    expect(seen.mostMiB).toBeGreaterThan(seen.beforeMiB + usedMiB / 2);
    expect(seen.afterMiB).toBeLessThan(seen.beforeMiB + expected.shareMax * usedMiB);
  }
}

test("2,000 MiB that a container had, and as much that it has read of files, are given back", async (vm) => {
  await expectGivenBack(vm);
}, 600_000);

test("the same with mounts that qn serves itself, for which the memory is a file", async (vm) => {
  await vm.qn("down");
  await mkdir(vm.folder, { recursive: true });
  const mounts = [{ path: homedir() }];
  await Bun.write(join(vm.folder, "config.yaml"), JSON.stringify({ files: { driver: "qn" }, mounts }));
  await vm.qn("up", "--cpus", "2", "--memory", `${guestMiB}`);
  await expectGivenBack(vm);
}, 600_000);
