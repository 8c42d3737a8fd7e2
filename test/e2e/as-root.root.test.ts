/** What differs when root runs qn: owners and modes of files, the login user, root's own home, mounts, and what delete leaves. */
import { expect, test as plainTest } from "bun:test";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { mayMount } from "../support/namespace.ts";
import { runPlain, testWithVm, type VmTest } from "../support/vm.ts";
import { commandTests } from "./whole-path/commands.ts";
import { goneTests } from "./whole-path/end.ts";
import { homeTests } from "./whole-path/files.ts";

const test = testWithVm();
homeTests(test);
commandTests(test);

const withMounts: VmTest = mayMount ? test : (name) => plainTest.skip(name, () => {});
withMounts("what the host has mounted below a mount is shown, with bind-nonrecursive too", async (vm) => {
  const folder = join(vm.inHome, "nonrecursive");
  const below = join(folder, "below");
  await mkdir(below, { recursive: true });
  await vm.succeed(["mount", "-t", "tmpfs", "none", below]);
  try {
    await Bun.write(join(below, "file"), "mounted on the host\n");
    const mount = `type=bind,source=${folder},target=/mnt,bind-nonrecursive=true`;
    const said = await vm.docker(...runPlain, "--rm", "--mount", mount, "busybox", "cat", "/mnt/below/file");
    expect(said).toBe("mounted on the host");
  } finally {
    await vm.succeed(["umount", "--lazy", below]);
  }
});

goneTests(test);
