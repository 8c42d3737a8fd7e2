/** Host folders in containers: the home folder, and what is below /tmp. */
import { expect } from "bun:test";
import { mkdir, stat } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { runPlain, type Vm, type VmTest } from "../../support/vm.ts";

/** Runs a shell script in a container with `source` of the host at /mnt. */
function inContainer(vm: Vm, source: string, script: string): Promise<string> {
  return vm.docker(...runPlain, "--rm", "--volume", `${source}:/mnt`, "busybox", "sh", "-c", script);
}

/** Bind mounts of the home folder and of /tmp, both ways. */
export function fileTests(test: VmTest): void {
  homeTests(test);
  tmpTests(test);
}

/** What containers make on the host, and whose it is. */
export function homeTests(test: VmTest): void {
  test("a container reads and writes a folder of the home folder", async (vm) => {
    const folder = join(vm.inHome, "src");
    await mkdir(folder);
    await Bun.write(join(folder, "from-host"), "from the host\n");
    const script = "cat /mnt/from-host; umask 022; echo from the container >/mnt/from-container; mkdir /mnt/made";
    expect(await inContainer(vm, folder, script)).toBe("from the host");
    expect(await Bun.file(join(folder, "from-container")).text()).toBe("from the container\n");
    await Bun.write(join(folder, "made/deep"), "deep\n");
    expect(await inContainer(vm, folder, "cat /mnt/made/deep")).toBe("deep");
  });

  test("what a container makes in the home folder belongs to the user of qn", async (vm) => {
    const folder = join(vm.inHome, "owned");
    await mkdir(folder);
    await inContainer(
      vm,
      folder,
      "umask 022; echo >/mnt/file; mkdir /mnt/folder; echo >/mnt/tool; chmod 755 /mnt/tool",
    );
    const made = await Promise.all(["file", "folder", "tool"].map((name) => stat(join(folder, name))));
    expect(made.map(({ uid, mode }) => [uid, (mode & 0o777).toString(8)])).toEqual([
      [userInfo().uid, "644"],
      [userInfo().uid, "755"],
      [userInfo().uid, "755"],
    ]);
  });

  test("a symlink that a container makes is a symlink on the host", async (vm) => {
    const folder = join(vm.inHome, "links");
    await mkdir(folder);
    await inContainer(vm, folder, "echo target >/mnt/target; ln -s target /mnt/link");
    expect(await Bun.file(join(folder, "link")).text()).toBe("target\n");
  });
}

/** What is below /tmp when a container starts; what has changed there since the last start is in changes.test.ts. */
function tmpTests(test: VmTest): void {
  test("a file below /tmp is what the container sees", async (vm) => {
    const file = join(vm.inTmp, "file");
    await Bun.write(file, "in tmp\n");
    expect(await inContainer(vm, file, "cat /mnt; echo changed >/mnt")).toBe("in tmp");
    expect(await Bun.file(file).text()).toBe("changed\n");
  });

  test("a folder below /tmp is what the container sees, however deep, with a space in its name", async (vm) => {
    const folder = join(vm.inTmp, "a folder/with two");
    await mkdir(folder, { recursive: true });
    await Bun.write(join(folder, "file"), "deep in tmp\n");
    expect(await inContainer(vm, folder, "cat /mnt/file; echo back >/mnt/back")).toBe("deep in tmp");
    expect(await Bun.file(join(folder, "back")).text()).toBe("back\n");
    expect(await inContainer(vm, join(vm.inTmp, "a folder"), "cat '/mnt/with two/back'")).toBe("back");
  });

  test("a folder below /tmp that is not there is made on the host, as Docker does it there", async (vm) => {
    const folder = join(vm.inTmp, "not/there/yet");
    await inContainer(vm, folder, "echo made >/mnt/file");
    expect(await Bun.file(join(folder, "file")).text()).toBe("made\n");
    const missing = join(vm.inTmp, "missing");
    const mount = ["--mount", `type=bind,source=${missing},target=/mnt`];
    const refused = await vm.fail(["docker", "run", "--rm", ...mount, "busybox", "true"]);
    expect(refused.stderr).toContain("bind source path does not exist");
  });
}
