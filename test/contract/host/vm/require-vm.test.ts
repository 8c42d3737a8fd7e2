/** What is said of a VM that is not there. */
import { expect, test } from "bun:test";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Glob } from "bun";
import { layoutOf } from "../../../../src/host/layout.ts";
import { requireVm } from "../../../../src/host/vm/require-vm.ts";
import { repository } from "../../../support/program.ts";
import { tempHome } from "../../../support/temp-home.ts";

test("a VM is there when it has a folder; of another one the hint is the command's own, or the usual one", async () => {
  await using home = await tempHome({ images: false });
  const { folder, ...paths } = layoutOf(home.path).vm("web");
  const refused = (hint?: string) => requireVm({ folder, ...paths }, hint).then(String, (error: unknown) => error);
  const missing = { code: "NO_SUCH_VM", message: 'There is no VM "web".' };
  expect(await refused()).toMatchObject({
    ...missing,
    hint: "`qn ls` shows the VMs that there are; `qn up NAME` makes one.",
  });
  expect(await refused("Make it.")).toMatchObject({ ...missing, hint: "Make it." });
  await mkdir(folder);
  expect(await refused()).toBe("undefined");
});

test("the sentence stands in one file of the source", async () => {
  const root = join(repository, "src");
  const files = [...new Glob("**/*.ts").scanSync(root)];
  const texts = await Promise.all(files.map((file) => Bun.file(join(root, file)).text()));
  expect(files.filter((_file, index) => texts[index]?.includes("There is no VM"))).toEqual(["host/vm/files-of-vm.ts"]);
});
