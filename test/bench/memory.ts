/** How much of what a container has used and left QEMU still has after a minute, by where the guest's memory lies. */
import { givenBack, guestMiB, usedMiB } from "../support/memory-given-back.ts";
import type { Vm } from "../support/vm.ts";
import type { Ratio } from "./figures.ts";

const limitS = 60;

/** What a container does, in words. */
const words = { own: "that a container had", files: "that a container wrote to a file" } as const;

/** The shares that are left, with the usual mounts and with those that qn serves itself, for which memory is a file. */
export async function measureMemory(vm: Vm): Promise<Ratio[]> {
  const ratios: Ratio[] = [];
  for (const driver of ["9p", "virtiofs"]) {
    await vm.qn("down");
    await vm.qn("config", "set", `files.driver=${driver}`);
    await vm.qn("up", "--memory", `${guestMiB}`);
    for (const use of ["own", "files"] as const) {
      const { beforeMiB, mostMiB, afterMiB, seconds } = await givenBack(vm, use, { shareMax: 0, limitS });
      ratios.push({
        what: `of ${usedMiB} MiB ${words[use]} QEMU's resident memory still has, \`files.driver: ${driver}\``,
        ratio: (afterMiB - beforeMiB) / usedMiB,
        parts: `${beforeMiB} MiB before, ${mostMiB} at the most, ${afterMiB} after ${seconds} s`,
        aim: "at most 0.25",
      });
    }
  }
  await vm.qn("down");
  await vm.qn("config", "set", "files.driver=9p");
  await vm.qn("up");
  return ratios;
}
