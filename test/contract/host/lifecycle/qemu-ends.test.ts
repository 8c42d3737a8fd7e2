/** A QEMU that ends while it is needed: killed by somebody, or by a fault of its own. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { followToEnd } from "../../../../src/host/lifecycle/follow.ts";
import { statusOfVm } from "../../../../src/host/lifecycle/status.ts";
import { failureOf } from "../../../support/failures.ts";
import { type FakeVm, fakeVm, programsMs, stateOf } from "../../../support/fake-vm.ts";
import { until } from "../../../support/until.ts";

setDefaultTimeout(programsMs);

test("a QEMU that dies is a failure that whoever follows hears of, and the next start repairs it", async () => {
  await using vm = await fakeVm("boots");
  await vm.up();
  const { qemu } = await statusOfVm(vm.paths, vm.env);
  const following = failureOf(() => followToEnd(vm.paths));
  process.kill(qemu.pid ?? 0, "SIGKILL");
  const failure = await following;
  expect(failure).toEqual({
    code: "QEMU_EXITED",
    message: "QEMU was ended by SIGKILL while the VM was needed.",
    details: ["UEFI firmware (fake)", "login:"],
  });
  expect(await vm.up()).toBe("started");
  expect(await stateOf(vm)).toEqual({ state: "running", reason: null });
});

describe("a QEMU that crashes while its guest boots", () => {
  const again = "warning QEMU crashed while the guest booted; it is started once more.";

  /** The QEMU whose guest boots, once it is another one than `before`. */
  async function booting({ paths, env, told }: FakeVm, before?: number): Promise<number> {
    return await until("a QEMU", 20_000, async () => {
      if (!told.includes("phase boot")) return undefined;
      const { qemu } = await statusOfVm(paths, env);
      return qemu.pid === null || qemu.pid === before ? undefined : qemu.pid;
    });
  }

  test("is started once more, and the guest comes up as if nothing had been", async () => {
    await using vm = await fakeVm("hangs");
    const up = vm.up();
    const qemu = await booting(vm);
    await writeFile(join(vm.paths.folder, "wakes"), "");
    process.kill(qemu, "SIGABRT");
    expect(await up).toBe("started");
    expect(vm.told).toEqual([
      "phase image",
      "phase disks",
      "phase boot",
      again,
      "phase agent",
      "phase docker",
      "running",
    ]);
    expect(await stateOf(vm)).toEqual({ state: "running", reason: null });
  });

  test("is started once more, and no more than once", async () => {
    await using vm = await fakeVm("hangs");
    const up = failureOf(() => vm.up());
    const first = await booting(vm);
    process.kill(first, "SIGABRT");
    process.kill(await booting(vm, first), "SIGSEGV");
    expect(await up).toMatchObject({
      code: "QEMU_EXITED",
      message: "QEMU was ended by SIGSEGV while the VM was needed.",
    });
    expect(vm.told).toEqual(["phase image", "phase disks", "phase boot", again, "failed"]);
    expect(await vm.files()).toEqual(["_data", "ssh_config"]);
  });

  test("is not started again when somebody has ended it", async () => {
    await using vm = await fakeVm("hangs");
    const up = failureOf(() => vm.up());
    process.kill(await booting(vm), "SIGKILL");
    expect(await up).toMatchObject({ message: "QEMU was ended by SIGKILL while the VM was needed." });
    expect(vm.told).toEqual(["phase image", "phase disks", "phase boot", "failed"]);
  });
});
