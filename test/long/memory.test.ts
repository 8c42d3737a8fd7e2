/** What a container has used and left is given back to this machine, however the guest's memory lies there. */
import { expect } from "bun:test";
import { mkdir } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { givenBack, guestMiB, usedMiB } from "../support/memory-given-back.ts";
import { bootVm, testWithVm, type Vm } from "../support/vm.ts";

const flags = ["--memory", `${guestMiB}`];

async function setDriver(vm: Vm, driver: "9p" | "virtiofs"): Promise<void> {
  await mkdir(vm.folder, { recursive: true, mode: 0o700 });
  const settings = { files: { driver }, mounts: [{ path: homedir() }] };
  await Bun.write(join(vm.folder, "config.yaml"), JSON.stringify(settings));
}

const test = testWithVm(() => bootVm({ before: (vm) => setDriver(vm, "virtiofs"), flags: () => flags }));

/** A quarter stays at most, of which an eighth of the guest's memory are files; a busy machine needs its time. */
const expected = { shareMax: 0.25, limitS: 120 };

async function expectGivenBack(vm: Vm): Promise<void> {
  for (const use of ["own", "files"] as const) {
    const seen = await givenBack(vm, use, expected);
    console.log(`${use}: ${JSON.stringify(seen)}`);
    expect(seen.mostMiB).toBeGreaterThan(seen.beforeMiB + usedMiB / 2);
    expect(seen.afterMiB).toBeLessThanOrEqual(seen.beforeMiB + expected.shareMax * usedMiB);
  }
}

test("2,000 MiB of a container's, and as much of its files, are given back where the memory is a file", async (vm) => {
  await expectGivenBack(vm);
}, 600_000);

test("the same where it is QEMU's own", async (vm) => {
  await vm.qn("down");
  await setDriver(vm, "9p");
  await vm.qn("up", "--cpus", "2", ...flags);
  await expectGivenBack(vm);
}, 600_000);
