/** A VM's slot of ports for Docker: its own, kept while its folder is there, free afterwards. */
import { expect, test } from "bun:test";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { layoutOf } from "../../../../../src/host/layout.ts";
import { portRangeOf } from "../../../../../src/host/supervisor/boot/port-range.ts";
import { tempHome } from "../../../../support/temp-home.ts";

test("VMs that start at the same moment get a slot each, keep it, and free it with their folder", async () => {
  await using home = await tempHome({ images: false });
  const layout = layoutOf(home.path);
  const vms = ["a", "b", "c", "d"].map((name) => layout.vm(name));
  await Promise.all(vms.map(({ folder }) => mkdir(folder)));
  const ranges = await Promise.all(vms.map((vm) => portRangeOf(layout, vm)));
  expect(new Set(ranges.map(({ first }) => first)).size).toBe(4);
  expect(ranges.map(({ first, last }) => last - first)).toEqual([511, 511, 511, 511]);
  const [one, ...others] = vms;
  if (one === undefined) throw new Error("There is no VM.");
  expect(await Promise.all(vms.map((vm) => portRangeOf(layout, vm)))).toEqual(ranges);
  await rm(one.folder, { recursive: true });
  const next = layout.vm("e");
  await mkdir(next.folder);
  expect(await portRangeOf(layout, next)).toEqual(ranges[0] as (typeof ranges)[number]);
  // A file that cannot be read is no slot: the VM gets another one, and is in nobody's way.
  await Promise.all(others.map(({ portRange }) => writeFile(portRange, "{")));
  expect((await portRangeOf(layout, layout.vm("b"))).first).toBeGreaterThan(20_000);
});
