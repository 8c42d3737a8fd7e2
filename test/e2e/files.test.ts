/** Host folders in containers beyond the everyday: odd paths, every kind of entry, ownership, faults. One VM for all. */
import { mkdir, symlink } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { bootVm, testWithVm, type Vm } from "../support/vm.ts";
import { contentTests } from "./files/content.ts";
import { faultTests } from "./files/faults.ts";
import { ownershipTests } from "./files/ownership.ts";
import { shareTests } from "./files/shares.ts";
import { oddPaths } from "./files/where.ts";

/** The shares of the VM: the home folder, and below it one for each setting and each awkward path. */
async function shareThem(vm: Vm): Promise<void> {
  const at = (name: string): string => join(vm.inHome, name);
  const mounts = [
    { path: at("outer/inner"), readOnly: true },
    { path: homedir() },
    { path: at("outer") },
    { path: at("mapped"), security: "mapped-xattr" },
    { path: at("cached"), cache: "mmap" },
    ...oddPaths.map((name) => ({ path: at(name) })),
  ];
  for (const { path } of mounts) await mkdir(path, { recursive: true });
  await symlink(at("outer"), at("link"));
  await mkdir(vm.folder, { recursive: true, mode: 0o700 });
  await Bun.write(
    join(vm.folder, "config.yaml"),
    Bun.YAML.stringify({ mounts: [...mounts, { path: at("link") }] }, undefined, 2),
  );
}

const test = testWithVm(() => bootVm({ before: shareThem }));
shareTests(test);
contentTests(test);
ownershipTests(test);
faultTests(test);
