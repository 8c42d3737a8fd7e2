/** What goes wrong on the host under a running container: nothing hangs, and the error names what it is about. */
import { expect } from "bun:test";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { runPlain, type VmTest } from "../../support/vm.ts";
import { inContainer } from "./where.ts";

/** Folders that go away and come back. */
export function faultTests(test: VmTest): void {
  test("a folder that the host deletes under a container is gone for it, and all else goes on", async (vm) => {
    const folder = join(vm.inHome, "deleted");
    await mkdir(folder);
    await Bun.write(join(folder, "file"), "text\n");
    const mount = ["--volume", `${folder}:/mnt`];
    await vm.docker(...runPlain, "-d", "--name", "victim", ...mount, "busybox", "sleep", "600");
    expect(await vm.docker("exec", "victim", "cat", "/mnt/file")).toBe("text");
    await rm(folder, { recursive: true });
    const read = await vm.fail(["docker", "exec", "victim", "cat", "/mnt/file"]);
    expect(read.stderr).toContain("/mnt/file");
    const write = await vm.fail(["docker", "exec", "victim", "sh", "-c", "echo x >/mnt/new"]);
    expect(write.stderr).toContain("/mnt/new");
    await vm.docker("rm", "--force", "victim");
    // A new folder of that name is a new folder for the next container.
    await mkdir(folder);
    await Bun.write(join(folder, "file"), "again\n");
    expect(await inContainer(vm, "deleted", "cat /mnt/file")).toBe("again");
  });

  test("a whole share that the host deletes is an error of its container, and the other shares go on", async (vm) => {
    const share = join(vm.inHome, "cached");
    await Bun.write(join(share, "file"), "text\n");
    expect(await inContainer(vm, "cached", "cat /mnt/file")).toBe("text");
    await rm(share, { recursive: true });
    const refused = await vm.fail(["docker", "run", "--rm", "-v", `${share}:/mnt`, "busybox", "cat", "/mnt/file"]);
    expect(refused.stderr).toContain("/mnt/file");
    await Bun.write(join(vm.inHome, "alive"), "alive\n");
    expect(await vm.docker(...runPlain, "--rm", "-v", `${vm.inHome}:/mnt`, "busybox", "cat", "/mnt/alive")).toBe(
      "alive",
    );
  });
}
