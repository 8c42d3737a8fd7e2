/** The end of a VM: down, delete, and what outlives them. These tests build on each other, in this order. */
import { expect } from "bun:test";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { processesLeft } from "../../support/processes.ts";
import { knock } from "../../support/until.ts";
import { runPlain, type VmTest } from "../../support/vm.ts";

/** Data survives `down` and `delete`. */
export function endTests(test: VmTest): void {
  test("down shuts the VM down, and once more is fine", async (vm) => {
    await vm.docker(...runPlain, "--rm", "--volume", "notes:/notes", "busybox", "sh", "-c", "echo kept >/notes/note");
    await vm.docker("run", "-d", "--init", "--name", "server", "-p", "127.0.0.1:0:80", "busybox", "sleep", "1000");
    const published = await vm.docker("port", "server", "80");
    await Bun.write(join(vm.inTmp, "taken/file"), "from the host\n");
    await vm.docker("create", "--name", "giver", "--volume", `${vm.inTmp}/taken:/taken`, "busybox", "true");
    const taker = ["create", "--network", "none", "--name", "taker", "--volumes-from", "giver"];
    await vm.docker(...taker, "busybox", "cat", "/taken/file");
    // It leaves a connection open.
    await vm.qn("ssh", "--", "true");
    expect(await readdir(vm.folder)).toContain("ssh.sock");
    // Whoever watches the ports is done then.
    await using watch = vm.converse(["qn", "ports", "--watch"]);
    await watch.nextLine(60_000);
    await vm.qn("down");
    expect(await watch.end(60_000)).toBe(0);
    expect((await vm.fail(["qn", "ports", "--watch"])).exitCode).toBe(3);
    expect(await processesLeft(vm.home)).toEqual([]);
    expect((await readdir(vm.folder)).filter((name) => /^ssh.*\.(sock|lock)/.test(name))).toEqual([]);
    expect(await knock("127.0.0.1", Number(published.split(":").at(-1)))).toBe("ECONNREFUSED");
    expect(await vm.status()).toMatchObject({ state: "stopped", docker: { reachable: false } });
    expect((await vm.fail(["qn", "status"])).exitCode).toBe(3);
    expect((await vm.fail(["docker", "version"])).exitCode).not.toBe(0);
    await vm.qn("down");
  });

  test("a clone takes the name of the VM that it was made of, once that is gone", async (vm) => {
    await vm.qn("clone", "default", "copy");
    await vm.qn("delete", "--force", "--data");
    await vm.qn("rename", "copy", "default");
    expect(JSON.parse(await vm.qn("ls", "--json"))).toMatchObject([{ name: "default", state: "stopped" }]);
    expect(await readdir(join(vm.home, "_data"))).toEqual(["default.raw"]);
  });

  test("images, containers, what one mounts of another, and volumes survive down and up, in a clone too", async (vm) => {
    await vm.qn("up");
    expect(await vm.docker(...runPlain, "--rm", "--volume", "notes:/notes", "busybox", "cat", "/notes/note")).toBe(
      "kept",
    );
    expect(await vm.docker("ps", "--all", "--filter", "name=server", "--format", "{{.Names}}")).toBe("server");
    // It mounts what another container does, which has not been started since.
    expect(await vm.docker("start", "--attach", "taker")).toBe("from the host");
    // Settings that the first `up` was given are the VM's.
    expect(await vm.status()).toMatchObject({ state: "running", cpus: 2, memoryMiB: 1536 });
  });

  test("a VM that runs is not deleted without --force", async (vm) => {
    const refused = await vm.fail(["qn", "delete"]);
    expect(refused.exitCode).toBe(42);
    expect(refused.stderr).toContain('The VM "default" is running. [VM_RUNNING]');
    expect((await vm.status()).state).toBe("running");
  });

  // That a new VM has it again is in test/long/life.test.ts.
  test("delete takes the VM and leaves its data", async (vm) => {
    await vm.qn("delete", "--force");
    expect(await processesLeft(vm.home)).toEqual([]);
    expect((await readdir(vm.home)).filter((name) => !name.startsWith("_"))).toEqual(["ssh_config"]);
    expect(await readdir(join(vm.home, "_data"))).toEqual(["default.raw"]);
    expect((await vm.fail(["qn", "status"])).exitCode).toBe(4);
  });
}

/** `delete --data` leaves nothing, of a VM that runs and of one whose data alone is left. The last test on a VM. */
export function goneTests(test: VmTest): void {
  test("delete --data leaves no process and no file of the VM's", async (vm) => {
    await vm.qn("delete", "--force", "--data");
    expect(await processesLeft(vm.home)).toEqual([]);
    expect((await readdir(vm.home)).filter((name) => !name.startsWith("_"))).toEqual(["ssh_config"]);
    expect(await readdir(join(vm.home, "_data"))).toEqual([]);
    expect((await vm.fail(["qn", "delete", "--data"])).exitCode).toBe(4);
  });
}
