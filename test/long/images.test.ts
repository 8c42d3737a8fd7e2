/** A real VM on a new image, and back: what Docker keeps is there each time. */
import { expect } from "bun:test";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { ownArch } from "../../src/system/platform.ts";
import { qnProgram } from "../support/program.ts";
import { testWithVm } from "../support/vm.ts";

const test = testWithVm();

type Listed = { readonly arch: string; readonly version: string; readonly usedBy: unknown };

test("containers and volumes are there on a new image, and on the old one again, and neither image is pruned meanwhile", async (vm) => {
  const expectKept = async (): Promise<void> => {
    expect(await vm.docker("run", "--rm", "--volume", "kept:/kept", "busybox", "cat", "/kept/file")).toBe("stored");
    expect(await vm.docker("ps", "--all", "--format", "{{.Names}}")).toBe("named");
  };
  await vm.docker(
    "run",
    "--name",
    "named",
    "--volume",
    "kept:/kept",
    "busybox",
    "sh",
    "-c",
    "echo stored > /kept/file",
  );
  await expectKept();
  await vm.qn("ssh", "--", "sudo", "touch", "/of-the-first-image");
  await vm.qn("ssh", "--", "test", "-e", "/of-the-first-image");
  await vm.qn("ssh", "--", "sync");
  expect((await vm.fail(["qn", "image", "rm", "debian"])).exitCode).toBe(23);

  // The same system as another file: with other clusters.
  const folder = join(vm.home, "_images", `debian-${ownArch()}`);
  const files = join(vm.home, "_files");
  await mkdir(files);
  const words = ["qemu-img", "convert", "-O", "qcow2", "-o", "cluster_size=128k"];
  await vm.succeed([...words, join(folder, "disk.qcow2"), join(files, "debian.qcow2")]);
  await vm.succeed(["zstd", "--quiet", "-1", "--rm", join(files, "debian.qcow2")]);
  await vm.qn("image", "import", join(files, "debian.qcow2.zst"), "--version", "other");
  await rm(files, { recursive: true });

  await vm.qn("restart");
  expect((await vm.fail(["qn", "ssh", "--", "test", "-e", "/of-the-first-image"])).exitCode).toBe(1);
  await expectKept();
  await vm.qn("image", "prune", "--all");
  expect((await vm.fail(["qn", "image", "rollback"])).exitCode).toBe(42);

  await vm.qn("down");
  // Its status is about this machine, too.
  const found = await vm.succeed(["sh", "-c", '"$1" doctor --json || :', "sh", qnProgram]);
  expect([found.includes('"image"'), found.includes("is broken")]).toEqual([true, false]);
  await vm.qn("image", "rollback");
  await vm.qn("up");
  await expectKept();
  const listed = JSON.parse(await vm.qn("image", "ls", "--json")) as Listed[];
  const own = listed.filter(({ arch }) => arch === ownArch());
  expect(own.map(({ version, usedBy }) => [version === "other", usedBy])).toEqual([
    [true, [{ vm: "default", as: "before" }]],
    [false, [{ vm: "default", as: "system disk" }]],
  ]);
}, 1_500_000);
