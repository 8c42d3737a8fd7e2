/** Images and VMs in any order of steps, some of them killed on the way: no VM is ever without its disks. */
import { expect } from "bun:test";
import { mkdir, open, readdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { findImage, imageById, verifyImage } from "../../../../src/host/image/store.ts";
import { makeOwnDisk, makeSystemDisk } from "../../../../src/host/image/disk.ts";
import { sweep } from "../../../../src/host/image/sweep.ts";
import { readVmImages, systemDiskOrigin } from "../../../../src/host/image/vm-images.ts";
import { type Layout, layoutOf } from "../../../../src/host/layout.ts";
import { systemDisk } from "../../../../src/host/qemu/devices.ts";
import { isThere, readTextIfThere } from "../../../../src/system/files.ts";
import { ownArch } from "../../../../src/system/platform.ts";
import { type Chance, testWithChance } from "../../../support/chance.ts";
import { failureOf } from "../../../support/failures.ts";
import { afterStep, dataOf, type Model, type ModelVm } from "../../../support/image-model.ts";
import { doStep, doStepAndKill, makeTinyDisk, offsets, type Step, succeed } from "../../../support/image-steps.ts";
import { tempHome } from "../../../support/temp-home.ts";

const names = ["one", "two"];
/** Each VM with the name of its image. */
const vms: Readonly<Record<string, string>> = { ada: "one", bob: "one", cid: "two" };
/** Those from 50 on leave newer data. */
const marks = [1, 2, 3, 50];

/** What is there, with the addresses of the marks as far as they are known. */
type Scene = { readonly layout: Layout; readonly markOf: Map<string, number>; readonly written: Set<string> };

async function seen({ layout, markOf }: Scene, data: Model["data"]): Promise<Model> {
  const found: Record<string, number> = {};
  for (const name of names) {
    const image = await findImage(layout.images, name, ownArch());
    if (image !== undefined) found[name] = markAt(markOf, image.id);
  }
  const there: Record<string, ModelVm> = {};
  for (const [vm, name] of Object.entries(vms)) {
    const known = await readVmImages(layout.vm(vm));
    if (known === undefined) continue;
    const origin = await readTextIfThere(systemDiskOrigin(layout.vm(vm)));
    there[vm] = {
      name,
      current: markAt(markOf, known.current),
      previous: known.previous === null ? undefined : markAt(markOf, known.previous),
      declined: known.declined === null ? undefined : markAt(markOf, known.declined),
      overlay: origin === undefined ? undefined : markAt(markOf, origin),
    };
  }
  return { names: found, vms: there, data };
}

function markAt(markOf: ReadonlyMap<string, number>, id: string): number {
  const mark = markOf.get(id);
  if (mark === undefined) throw new Error(`Nobody has made the image ${id}.`);
  return mark;
}

/** Every name and every VM has its images whole, and what a VM has written is on its disks. */
async function expectWhole({ layout, markOf, written }: Scene, model: Model): Promise<void> {
  const idOf = new Map([...markOf].map(([id, mark]) => [mark, id]));
  const needed = Object.values(model.vms).flatMap(({ current, previous, overlay }) => [current, previous, overlay]);
  for (const mark of new Set([...Object.values(model.names), ...needed])) {
    if (mark === undefined) continue;
    const image = await imageById(layout.images, idOf.get(mark) ?? "");
    if (image === undefined) throw new Error(`The image ${mark} is gone.`);
    await verifyImage(image);
  }
  for (const [vm, { overlay }] of Object.entries(model.vms)) {
    if (overlay === undefined) continue;
    const chain = chainOf(layout, vm, idOf.get(overlay) ?? "");
    const reads = [`read -q -P ${overlay} ${offsets.image} 4k`];
    if (written.has(`${vm} ${overlay}`)) reads.push(`read -q -P 200 ${offsets.vm} 4k`);
    const said = await succeed(["qemu-io", "-r", ...reads.flatMap((read) => ["-c", read]), chain]);
    expect([vm, said]).toEqual([vm, ""]);
  }
  for (const vm of Object.keys(vms)) {
    if (!written.has(`data of ${vm}`)) continue;
    expect(await Bun.file(layout.vm(vm).dataDisk).slice(0, vm.length).text()).toBe(vm);
  }
}

/** The system disk as QEMU is told of it. */
function chainOf(layout: Layout, name: string, id: string): string {
  const [, disk = ""] = systemDisk(layout.vm(name).systemDisk, join(layout.images, `sha256-${id}`, "disk.qcow2"));
  return `json:${disk}`;
}

/** What an older qn has left: a folder by the image's name, and a VM that has written to its disk. */
async function olderHome(scene: Scene): Promise<Model> {
  const { layout, markOf, written } = scene;
  await doStep(layout.home, { do: "build", name: "one", mark: 1 });
  const image = await findImage(layout.images, "one", ownArch());
  if (image === undefined) throw new Error("There is no image.");
  const folder = layout.image("one", ownArch());
  await succeed(["rm", folder]);
  await rename(image.folder, folder);
  markOf.set(image.id, 1);
  const ada = layout.vm("ada");
  await mkdir(ada.folder);
  await mkdir(layout.data, { recursive: true });
  await makeSystemDisk(ada.systemDisk, join(folder, "disk.qcow2"));
  await succeed(["qemu-io", "-f", "qcow2", "-c", `write -q -P 200 ${offsets.vm} 4k`, ada.systemDisk]);
  written.add("ada 1");
  await makeOwnDisk({ name: "data", path: ada.dataDisk, sizeGiB: 2 });
  await writeData(scene, "ada");
  await writeFile(systemDiskOrigin(ada), image.id);
  await writeFile(ada.config, "image: one\n");
  return {
    names: { one: 1 },
    vms: { ada: { name: "one", current: 1, previous: undefined, declined: undefined, overlay: 1 } },
    data: {},
  };
}

function anyStep(chance: Chance, files: (mark: number) => string): Step {
  const [name, vm, mark] = [chance.pick(names), chance.pick(Object.keys(vms)), chance.pick(marks)];
  const known = chance.pick(marks.filter((each) => dataOf(each) === 1));
  const up: Step = { do: "up", vm, name: vms[vm] ?? "" };
  return chance.pick<Step>([
    { do: "build", name, mark, ...(dataOf(mark) > 1 && { data: dataOf(mark) }) },
    // Of an imported one nobody knows the format of its data.
    { do: "import", name, mark: known, file: files(known) },
    up,
    up,
    up,
    { do: "rollback", vm },
    { do: "rollback", vm },
    { do: "delete", vm },
    { do: "rm", name },
    { do: "prune", isAll: chance.below(3) === 0 },
  ]);
}

testWithChance(
  "whatever is built, taken in, started, rolled back, removed and killed, each VM keeps its images and what it wrote",
  async (chance) => {
    await using home = await tempHome({ images: false });
    const scene: Scene = { layout: layoutOf(home.path), markOf: new Map(), written: new Set() };
    const { layout, markOf, written } = scene;
    const files = (mark: number): string => join(home.path, `_tiny-${mark}.qcow2`);
    for (const mark of marks) {
      await makeTinyDisk(files(mark), mark);
      markOf.set(new Bun.CryptoHasher("sha256").update(await Bun.file(files(mark)).bytes()).digest("hex"), mark);
    }
    let model: Model = chance.below(2) === 0 ? await olderHome(scene) : { names: {}, vms: {}, data: {} };
    const story: string[] = [];
    for (let count = 0; count < 60; count += 1) {
      const step = anyStep(chance, files);
      const isKilled = chance.below(3) === 0;
      const next = afterStep(model, step);
      const outcome = isKilled
        ? await doStepAndKill(layout.home, step, chance.below(120))
        : await codeOf(() => doStep(layout.home, step));
      story.push(`${JSON.stringify(step)}: ${outcome}`);
      const wanted = typeof next === "string" ? model : next;
      if (outcome !== "killed") expect([story, outcome]).toEqual([story, typeof next === "string" ? next : "done"]);
      if (outcome === "killed" && "vm" in step) await finishFolder(layout, step);
      const now = await seen(scene, model.data);
      if (outcome === "killed") {
        const known = [shown(model), shown(wanted)];
        expect([story, known.includes(shown(now))]).toEqual([story, true]);
        // A start that was killed between the two notes has the format of neither, or of both: the next start decides.
        const isNew = shown(now) === shown(wanted);
        model = { ...(isNew ? wanted : model), vms: now.vms };
        if (step.do === "up") model = { ...model, data: { ...model.data, ...(await formatOf(layout, step.vm)) } };
      } else {
        expect([story, { ...now, data: wanted.data }]).toEqual([story, wanted]);
        model = wanted;
      }
      forget(written, model);
      await expectWhole(scene, model);
      if (step.do === "up" && outcome === "done") await writeIn(scene, step.vm, model);
    }
    await sweep(layout.images);
    // Nothing is left but names and the images that somebody needs.
    const left = (await readdir(layout.images)).filter((entry) => entry.startsWith("."));
    expect([story, left]).toEqual([story, []]);
    await expectWhole(scene, model);
  },
  180_000,
);

/** All but what a start makes from the rest. */
function shown({ names: named, vms: there }: Model): string {
  const notes = Object.entries(there).map(([vm, it]) => JSON.stringify([vm, { ...it, overlay: 0 }]));
  const words = Object.entries(named).map((each) => JSON.stringify(each));
  return [...words.toSorted(), ...notes.toSorted()].join("\n");
}

/** A folder that is half made, or half gone, is no VM: deleting it works, and is what a person does. */
async function finishFolder(layout: Layout, { do: what, vm }: Extract<Step, { vm: string }>): Promise<void> {
  const { folder } = layout.vm(vm);
  if (!(await isThere(folder))) return;
  const isHalf = what === "delete" ? !(await isWholeFolder(folder)) : (await readVmImages(layout.vm(vm))) === undefined;
  if (isHalf) await doStep(layout.home, { do: "delete", vm });
}

async function isWholeFolder(folder: string): Promise<boolean> {
  const there = new Set(await readdir(folder));
  return ["config.yaml", "images.json", "system.qcow2", "system.qcow2.origin"].every((name) => there.has(name));
}

async function formatOf(layout: Layout, name: string): Promise<Record<string, number>> {
  const text = await readTextIfThere(`${layout.vm(name).dataDisk}.version`);
  return { [name]: Number(text ?? "1") };
}

/** What was written went with the disk that it was written to. */
function forget(written: Set<string>, { vms: there }: Model): void {
  for (const key of written) {
    const [vm = "", mark] = key.split(" ");
    if (vm !== "data" && String(there[vm]?.overlay) !== mark) written.delete(key);
  }
}

/** The guest of the VM writes to its system disk. */
async function writeIn(scene: Scene, vm: string, { vms: there }: Model): Promise<void> {
  const { layout, markOf, written } = scene;
  const mark = there[vm]?.overlay;
  const [id = ""] = [...markOf].find(([, known]) => known === mark) ?? [];
  await succeed(["qemu-io", "-c", `write -q -P 200 ${offsets.vm} 4k`, chainOf(layout, vm, id)]);
  written.add(`${vm} ${mark}`);
  await writeData(scene, vm);
}

/** Docker of the VM writes to the data disk. */
async function writeData({ layout, written }: Scene, vm: string): Promise<void> {
  const disk = await open(layout.vm(vm).dataDisk, "r+");
  await disk.write(vm, 0);
  await disk.close();
  written.add(`data of ${vm}`);
}

async function codeOf(action: () => Promise<void>): Promise<string> {
  let isDone = false;
  const act = async (): Promise<void> => {
    await action();
    isDone = true;
  };
  const failure = await failureOf(act).catch((error: unknown) => (isDone ? undefined : Promise.reject(error)));
  return failure?.code ?? "done";
}
