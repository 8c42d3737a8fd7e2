/** Every test of host folders in containers, for a VM of its own, whoever serves the folders. */
import { mkdir, symlink } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { bootVm, testWithVm, type Vm } from "../../support/vm.ts";
import { contentTests } from "./content.ts";
import { faultTests } from "./faults.ts";
import { ownershipTests } from "./ownership.ts";
import { shareTests } from "./shares.ts";
import { socketNames, socketTests } from "./sockets.ts";
import { oddPaths, type Server } from "./where.ts";

/** The tests, in a VM whose plain mounts `server` serves; `files` are the settings that make it so. */
export function filesTests(server: Server, files: { readonly driver: "9p" | "auto" }): void {
  const test = testWithVm(() => bootVm({ before: (vm) => shareThem(vm, files) }));
  shareTests(test);
  contentTests(test, server);
  ownershipTests(test, server);
  socketTests(test, server);
  faultTests(test);
}

// --- internal ---

/** The shares of the VM: the home folder, and below it one for each setting and each awkward path. */
async function shareThem(vm: Vm, files: { readonly driver: "9p" | "auto" }): Promise<void> {
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
  const { agent, named } = socketNames(vm);
  vm.env["SSH_AUTH_SOCK"] = agent;
  await Bun.write(
    join(vm.folder, "config.yaml"),
    Bun.YAML.stringify(
      { files: { ...files, sockets: ["ssh-agent", named] }, mounts: [...mounts, { path: at("link") }] },
      undefined,
      2,
    ),
  );
}
