/** What names, images and VMs should be after each step: the rules of the store, said once more and far simpler. */
import type { Step } from "./image-steps.ts";

/** A VM as its folder tells; images are told apart by their marks. `overlay` is what its system disk lies on. */
export type ModelVm = {
  readonly name: string;
  readonly current: number;
  readonly previous: number | undefined;
  readonly declined: number | undefined;
  readonly overlay: number | undefined;
};

/** All of it. `data` is the format of each VM's data, which outlives the VM. */
export type Model = {
  readonly names: Readonly<Record<string, number>>;
  readonly vms: Readonly<Record<string, ModelVm>>;
  readonly data: Readonly<Record<string, number>>;
};

/** The format that guests of an image leave on the data disk. */
export function dataOf(mark: number): number {
  return mark >= 50 ? 2 : 1;
}

/** What comes of a step: another model, or the code of a refusal. */
export function afterStep(model: Model, step: Step): Model | string {
  const { names, vms, data } = model;
  switch (step.do) {
    case "build":
    case "import":
      return { ...model, names: { ...names, [step.name]: step.mark } };
    case "up": {
      const known = vms[step.vm];
      const named = names[step.name];
      const stays = known !== undefined && (named === undefined || known.declined === named);
      const image = stays ? known.current : named;
      if (image === undefined) return "IMAGE_MISSING";
      if (dataOf(image) < (data[step.vm] ?? 1)) return "DATA_NEWER";
      const isSame = known?.current === image;
      const vm: ModelVm = {
        name: step.name,
        current: image,
        previous: isSame ? known.previous : known?.current,
        declined: isSame ? known.declined : undefined,
        overlay: image,
      };
      return { names, vms: { ...vms, [step.vm]: vm }, data: { ...data, [step.vm]: dataOf(image) } };
    }
    case "rollback": {
      const known = vms[step.vm];
      if (known === undefined) return "NO_SUCH_VM";
      if (known.previous === undefined) return "IMAGE_MISSING";
      if (dataOf(known.previous) < (data[step.vm] ?? 1)) return "DATA_NEWER";
      const declined = names[known.name] ?? known.current;
      const vm = { ...known, current: known.previous, previous: known.current, declined };
      return { ...model, vms: { ...vms, [step.vm]: vm } };
    }
    case "delete":
      if (vms[step.vm] === undefined) return "NO_SUCH_VM";
      return { ...model, vms: without(vms, [step.vm]) };
    case "rm": {
      const mark = names[step.name];
      if (mark === undefined) return "IMAGE_MISSING";
      const isTwice = Object.entries(names).some(([name, other]) => name !== step.name && other === mark);
      const isNeeded = Object.values(vms).some(({ current, overlay }) => current === mark || overlay === mark);
      if (isNeeded && !isTwice) return "IMAGE_IN_USE";
      return { ...model, names: without(names, [step.name]) };
    }
    case "prune": {
      const needed = Object.values(vms).flatMap(({ current, previous, overlay }) => [current, previous, overlay]);
      const loose = Object.entries(names).filter(([, mark]) => !needed.includes(mark));
      return {
        ...model,
        names: step.isAll
          ? without(
              names,
              loose.map(([name]) => name),
            )
          : names,
      };
    }
  }
}

// --- internal ---

function without<Value>(all: Readonly<Record<string, Value>>, keys: readonly string[]): Record<string, Value> {
  return Object.fromEntries(Object.entries(all).filter(([key]) => !keys.includes(key)));
}
