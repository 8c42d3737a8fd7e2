/** What people do with a project on a share: install its packages, clone it, and ask git what has changed. */
import { expect } from "bun:test";
import { cp, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { openFilesMax } from "../../src/system/open-files.ts";
import { manyEntries, manyOpen } from "../e2e/files/content.ts";
import { gitArchive } from "../support/git-image.ts";
import { nodeArchive, nodeProject } from "../support/node-image.ts";
import { runProgram } from "../support/program.ts";
import { testWithVm, type Vm, type VmTest } from "../support/vm.ts";

const inVm = testWithVm();
const test: VmTest = (name, action) => inVm(name, action, 1_800_000);

/** What lies below a folder: each file with its content's digest and mode, each link with where it leads. */
async function treeOf(vm: Vm, folder: string): Promise<string> {
  const files = "find . -type f -printf '%m ' -exec sha256sum {} + | sort -k 3";
  return await vm.succeed(["sh", "-c", `cd "$0" && ${files} && find . -type l -printf '%p %l\\n' | sort`, folder]);
}

test("npm ci in a container on a share leaves what it leaves on the host, the second time too", async (vm) => {
  await vm.docker("import", "--change", "ENV PATH=/bin", await nodeArchive(join(vm.inTmp, "node")), "node");
  const [ours, theirs] = [join(vm.inHome, "ours"), join(vm.inTmp, "theirs")];
  await nodeProject(ours);
  await cp(ours, theirs, { recursive: true });
  const install = "npm ci --offline --no-audit --no-fund --ignore-scripts";
  await vm.succeed(["sh", "-c", `cd "$0" && ${install}`, theirs]);
  const container = ["run", "--rm", "--network", "none", "-e", "HOME=/tmp", "-v", `${ours}:/mnt`, "-w", "/mnt", "node"];
  for (const round of ["first", "second"]) {
    const said = await vm.docker(...container, "sh", "-c", `${install} && npm ls`);
    expect([round, said]).toEqual([round, expect.stringMatching(/added 8 packages[^]*valibot@/)]);
    expect(await treeOf(vm, join(ours, "node_modules"))).toBe(await treeOf(vm, join(theirs, "node_modules")));
  }
  const script = 'import("ofetch").then(({ ofetch }) => console.log(typeof ofetch, require("yaml").parse("a: 1").a))';
  expect(await vm.docker(...container, "node", "-e", script)).toBe("function 1");
});

test("git clones twenty thousand files onto a share, and both sides find it clean", async (vm) => {
  await vm.docker("import", "--change", "ENV PATH=/bin", await gitArchive(join(vm.inTmp, "git")), "git");
  const folder = join(vm.inHome, "repositories");
  const one = join(folder, "one");
  await mkdir(one, { recursive: true });
  for (let part = 0; part < 200; part += 1) {
    const names = Array.from({ length: 100 }, (_, index) => join(one, `d${part}/f${index}`));
    await Promise.all(names.map((name) => Bun.write(name, `${name}\n`)));
  }
  const host = (words: readonly string[]) => vm.succeed(["git", "-C", one, ...words]);
  await host(["init", "-q"]);
  await host(["add", "-A"]);
  await host(["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "first"]);
  const git = ["run", "--rm", "-e", "HOME=/", "-v", `${folder}:/mnt`, "git"];
  const clone = `git config --global safe.directory "*"; git clone -q /mnt/one /mnt/two && cd /mnt/two
    git status --porcelain && git ls-files | wc -l && git -C /mnt/one status --porcelain`;
  expect(await vm.docker(...git, "sh", "-c", clone)).toBe("20000");
  const status = await runProgram(["git", "-C", join(folder, "two"), "status", "--porcelain"]);
  expect(status).toEqual({ exitCode: 0, stdout: "", stderr: "" });
  // An edit by each side is one changed file for the other.
  await Bun.write(join(folder, "two/d7/f7"), "edited\n");
  const ask = 'git config --global safe.directory "*"; cd /mnt/two; git status --porcelain; echo more >d9/f9';
  expect(await vm.docker(...git, "sh", "-c", ask)).toBe(" M d7/f7");
  expect(await vm.succeed(["git", "-C", join(folder, "two"), "status", "--porcelain"])).toBe(" M d7/f7\n M d9/f9");
});

test("a folder of a hundred thousand entries is listed whole", (vm) => manyEntries(vm, 100_000));

/** As many as a server of virtiofs may have open here (docs/files.md), with room to spare. */
const openAtOnce = Math.min(20_000, Math.floor(openFilesMax() / 2));

test("thousands of files are open at once, and each is its own", (vm) => manyOpen(vm, openAtOnce));
