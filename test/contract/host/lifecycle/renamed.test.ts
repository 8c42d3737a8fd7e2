/** A rename or a copy of a VM that ends after any of its steps: the VM is whole under one name, or no copy is there, and the next command finds it so. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { VmPaths } from "../../../../src/host/layout.ts";
import { cloneVm, renameVm } from "../../../../src/host/lifecycle/clone.ts";
import { deleteVmFiles } from "../../../../src/host/lifecycle/delete.ts";
import { takeDown } from "../../../../src/host/lifecycle/down.ts";
import { vmNames } from "../../../../src/host/lifecycle/status.ts";
import { renameFiles, renameSteps } from "../../../../src/host/vm/unfinished.ts";
import { requireVm } from "../../../../src/host/vm/require-vm.ts";
import { isThere } from "../../../../src/system/files.ts";
import { failureOf } from "../../../support/failures.ts";
import { fakeVm, type FakeVm, programsMs } from "../../../support/fake-vm.ts";
import { repository } from "../../../support/program.ts";

setDefaultTimeout(programsMs);

/** All that a VM can have, each file with its own name in it. */
const parts = [
  "_data/NAME.raw.version",
  "_data/NAME.raw",
  "_data/NAME.layers/aside",
  "_data/NAME.raw.before",
  "_data/NAME.disks/db.raw",
  "NAME/config.yaml",
] as const;

/** How many steps a rename of it has: the note, a step for each place of data, the folder, and the note's end. */
const stepsOfRename = 9;

async function made({ layout, paths }: FakeVm): Promise<void> {
  for (const part of parts) {
    const path = join(layout.home, part.replace("NAME", paths.name));
    await mkdir(join(path, ".."), { recursive: true });
    await writeFile(path, part === "NAME/config.yaml" ? "" : part);
  }
}

/** The parts that are there under this name, and have what they should. */
async function partsOf({ layout }: FakeVm, name: string): Promise<readonly string[]> {
  const there = [];
  for (const part of parts) {
    const path = join(layout.home, part.replace("NAME", name));
    const text = (await isThere(path)) ? await readFile(path, "utf8") : undefined;
    if (text === (part === "NAME/config.yaml" ? "" : part)) there.push(part);
  }
  return there;
}

/** A rename that is killed after so many steps; false when it was over by then. */
async function killedAfter(from: VmPaths, to: VmPaths, steps: number): Promise<boolean> {
  const all = await renameSteps(from, to);
  for (const step of all.slice(0, steps)) await step();
  return steps < all.length;
}

/** What comes next, about either name. */
const next: Readonly<Record<string, (vm: FakeVm, of: VmPaths) => Promise<unknown>>> = {
  "a look at it": async (_vm, of) => await requireVm(of),
  "its deletion, which is refused": async ({ env }, of) => {
    await writeFile(of.commonConfig, "protected: true\n");
    await deleteVmFiles(of, env, { data: true, force: false });
  },
  "a clone of it": async ({ env, layout }, of) => await cloneVm(of, layout.vm("twin"), env),
};

for (const [what, act] of Object.entries(next)) {
  for (const by of ["default", "web"]) {
    test(`after a rename that is killed anywhere, ${what} by the name "${by}" finds all of it, and so does another rename`, async () => {
      const names = [];
      for (let steps = 0; ; steps += 1) {
        await using vm = await fakeVm("boots");
        await made(vm);
        const web = vm.layout.vm("web");
        const isKilled = await killedAfter(vm.paths, web, steps);
        await act(vm, vm.layout.vm(by)).catch(() => {});
        const [name = ""] = (await vmNames(vm.layout)).filter((each) => each !== "twin");
        const other = name === "web" ? "default" : "web";
        expect([steps, await partsOf(vm, name), await partsOf(vm, other)]).toEqual([steps, [...parts], []]);
        expect((await readdir(vm.layout.data)).filter((file) => file.startsWith("."))).toEqual([]);
        await renameFiles(vm.layout.vm(name), vm.layout.vm("last"));
        expect([steps, await partsOf(vm, "last"), await partsOf(vm, name)]).toEqual([steps, [...parts], []]);
        names.push(name);
        if (!isKilled) break;
      }
      // Both ends were seen: taken back until the folder moves, done from then on.
      expect(names).toEqual([...Array.from({ length: stepsOfRename - 1 }, () => "default"), "web", "web"]);
    });
  }
}

test("a VM starts with its own data under the name that a killed rename has left it, and a new one with none of it", async () => {
  await using vm = await fakeVm("boots");
  await vm.up();
  await takeDown(vm.paths, { force: true });
  await writeFile(vm.paths.dataDisk, "stored", { flag: "r+" });
  const web = vm.layout.vm("web");
  // The note and the data, and not the folder.
  await killedAfter(vm.paths, web, 3);
  expect([await isThere(vm.paths.dataDisk), await isThere(web.dataDisk)]).toEqual([false, true]);
  try {
    expect(await vm.up({ paths: web })).toBe("started");
    expect(await Bun.file(web.dataDisk).slice(0, 6).text()).not.toBe("stored");
  } finally {
    await takeDown(web, { force: true });
  }
  expect(await vm.up()).toBe("started");
  expect(await Bun.file(vm.paths.dataDisk).slice(0, 6).text()).toBe("stored");
});

test("a rename that fails in its middle leaves the old name all it had", async () => {
  await using vm = await fakeVm("boots");
  await made(vm);
  const web = vm.layout.vm("web");
  // In the way of the last step but one.
  await mkdir(join(web.folder, "something"), { recursive: true });
  expect(await failureOf(() => renameFiles(vm.paths, web))).toMatchObject({ code: "DISK_FAILED" });
  expect([await partsOf(vm, "default"), await partsOf(vm, "web")]).toEqual([[...parts], []]);
  await rename(web.folder, join(vm.layout.home, "_elsewhere"));
  await renameVm(vm.paths, web, vm.env, () => {});
  expect(await partsOf(vm, "web")).toEqual([...parts]);
});

test("a clone that is killed at any of its copies is not there, and can be made then", async () => {
  await using vm = await fakeVm("boots");
  await vm.up();
  await takeDown(vm.paths, { force: true });
  const before = await vm.files();
  const tools = join(vm.layout.home, "_tools");
  const count = join(tools, "count");
  // Begins a copy and kills qn. A real one that outlives qn goes on in a file that has no name any more.
  await writeFile(
    join(tools, "cp"),
    `#!/bin/sh\nread left < ${count}\n[ "$left" -gt 0 ] || { : > "$(eval echo \\\${$#})"; kill -9 $PPID; exit 1; }\necho $((left - 1)) > ${count}\nexec /bin/cp "$@"\n`,
    { mode: 0o755 },
  );
  const script = `import { cloneVm } from ${JSON.stringify(join(repository, "src/host/lifecycle/clone.ts"))};
    import { layoutOf } from ${JSON.stringify(join(repository, "src/host/layout.ts"))};
    const layout = layoutOf(${JSON.stringify(vm.layout.home)});
    await cloneVm(layout.vm("default"), layout.vm("web"), process.env);`;
  let copies = 0;
  for (; ; copies += 1) {
    await writeFile(count, `${copies}\n`);
    const child = Bun.spawn([process.execPath, "-e", script], {
      env: { ...vm.env, PATH: `${tools}:${vm.env["PATH"]}` },
      stdio: ["ignore", "ignore", "ignore"],
    });
    await child.exited;
    if (child.signalCode !== "SIGKILL") break;
    expect(await failureOf(() => requireVm(vm.layout.vm("web")))).toMatchObject({ code: "NO_SUCH_VM" });
    expect([copies, await vm.files()]).toEqual([copies, before]);
  }
  expect([copies > 2, (await vmNames(vm.layout)).toSorted()]).toEqual([true, ["default", "web"]]);
});
