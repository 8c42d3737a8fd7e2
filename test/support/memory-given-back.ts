/** How much memory of this machine QEMU still has, some time after a container has used and left it. */
import { residentMiB } from "./resident.ts";
import { runPlain, type Vm } from "./vm.ts";

/** What a guest needs to have for it, in MiB, and what a container uses of it. */
export const guestMiB = 4096;
export const usedMiB = 2000;

/** QEMU's resident memory before the container, at the most and afterwards, in MiB, and how long the last took. */
export type GivenBack = {
  readonly beforeMiB: number;
  readonly mostMiB: number;
  readonly afterMiB: number;
  readonly seconds: number;
};

const writeFile = `dd if=/dev/zero of=/v/large bs=1M count=${usedMiB} && sync`;

/** What a container does with memory: it has `usedMiB` of its own, or writes as much to a file, which the guest keeps. */
const uses = {
  own: ["busybox", "dd", "if=/dev/zero", "of=/dev/null", `bs=${usedMiB}M`, "count=1"],
  files: ["--volume", "large:/v", "busybox", "sh", "-c", writeFile],
} as const;

/**
 * Lets a container do it, and looks until no more than `shareMax` of what it has used is left with QEMU, at most
 * `limitS` seconds.
 */
export async function givenBack(
  vm: Vm,
  use: keyof typeof uses,
  { shareMax, limitS }: { readonly shareMax: number; readonly limitS: number },
): Promise<GivenBack> {
  const { qemu } = await vm.status();
  const resident = async (): Promise<number> => Math.round(await residentMiB(qemu.pid ?? 0));
  const beforeMiB = await resident();
  let mostMiB = beforeMiB;
  const looking = setInterval(() => void resident().then((mib) => (mostMiB = Math.max(mostMiB, mib))), 250);
  await vm.docker(...runPlain, "--rm", ...uses[use]).finally(() => clearInterval(looking));
  const endedMs = performance.now();
  const seconds = (): number => Math.round((performance.now() - endedMs) / 1000);
  let afterMiB = await resident();
  while (afterMiB > beforeMiB + shareMax * usedMiB && seconds() < limitS) {
    await Bun.sleep(1_000);
    afterMiB = await resident();
  }
  return { beforeMiB, mostMiB, afterMiB, seconds: seconds() };
}
