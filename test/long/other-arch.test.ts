/**
 * A guest of the other architecture, which is always emulated: the path of an Apple Silicon Mac, less its accelerator,
 * on an Intel machine. Its image is `qn image build --arch aarch64`; where that or its QEMU is not there, all is skipped.
 */
import { expect } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Arch } from "../../src/base/words.ts";
import { guestPlatforms } from "../../src/host/qemu/platforms.ts";
import { ownArch } from "../../src/system/platform.ts";
import { page } from "../support/busybox.ts";
import { sharedImages } from "../support/temp-home.ts";
import { freePort, until } from "../support/until.ts";
import { bootVm, runPlain, testWithVm } from "../support/vm.ts";

const other: Arch = ownArch() === "x86_64" ? "aarch64" : "x86_64";
const hasQemu = Bun.which(guestPlatforms[other].binary) !== null;
const lacks = !hasQemu || !existsSync(join(sharedImages, `debian-${other}`));
const test = testWithVm(() => bootVm({ flags: () => ["--arch", other] }), { lacks });

/** Emulation within emulation takes its time. */
const slowMs = 600_000;

test(`the guest is of ${other}, and so are its programs`, async (vm) => {
  expect(await vm.qn("ssh", "--", "uname", "-m")).toBe(other);
  expect(await vm.docker("info", "--format", "{{.Architecture}}")).toBe(other);
  const native = await vm.qn("ssh", "--", "od", "-An", "-tx1", "-j18", "-N2", "/usr/local/bin/qn");
  // e_machine of ELF: 0xb7 is AArch64, 0x3e x86-64.
  expect(native.trim()).toBe(other === "aarch64" ? "b7 00" : "3e 00");
});

test(
  "a container's output, a published port and a mounted folder come through, also with this machine's programs",
  async (vm) => {
    // busybox is this machine's own, which the guest's emulators run.
    expect(await vm.docker(...runPlain, "--rm", "busybox", "echo", "hello")).toBe("hello");
    await Bun.write(join(vm.inHome, "from-host"), "host");
    const mount = ["--volume", `${vm.inHome}:/shared`];
    await vm.docker(...runPlain, "--rm", ...mount, "busybox", "cp", "/shared/from-host", "/shared/from-guest");
    expect(await Bun.file(join(vm.inHome, "from-guest")).text()).toBe("host");
    const port = await freePort();
    const server = ["httpd", "-f", "-p", "80", "-h", "/www"];
    await vm.docker("run", "--detach", "--name", "web", "--publish", `${port}:80`, "busybox", ...server);
    const served = await until(`a page from port ${port}`, 120_000, async () => {
      const response = await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(60_000) }).catch(
        () => {},
      );
      return await response?.text();
    });
    expect(served).toBe(page);
    await vm.docker("rm", "--force", "web");
  },
  slowMs,
);

test(
  "it goes down, and comes up again with what was in it",
  async (vm) => {
    await vm.docker("volume", "create", "kept");
    await vm.qn("down");
    expect((await vm.status()).state).toBe("stopped");
    await vm.qn("up", "--arch", other);
    expect(await vm.docker("volume", "ls", "--quiet")).toBe("kept");
  },
  slowMs,
);
