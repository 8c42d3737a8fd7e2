/**
 * A guest's start and its weight at rest: with the image's own kernel beside UEFI, and, where QN_OLD_IMAGE names the folder
 * of another image, this image beside that one.
 */
import { readFile } from "node:fs/promises";
import type { Vm } from "../support/vm.ts";
import { inTurn, type Ratio, ratioOf } from "./figures.ts";

const rounds = 3;

/** What one start shows, in seconds and MiB. `used` is what the guest's kernel counts as not available. */
type Start = { readonly upS: number; readonly usedMiB: number; readonly hostMiB: number };

/** The ratios of times, and of memory between images. */
export async function measureStart(vm: Vm): Promise<Ratio[]> {
  await vm.qn("down");
  const boots = await inTurn(
    rounds,
    () => startOf(vm, "boot=kernel"),
    () => startOf(vm, "boot=uefi"),
  );
  const ratios = [ratioOf("`qn up` with the image's own kernel beside UEFI", valuesOf(boots, "upS"), "s", "below 1")];
  const old = process.env["QN_OLD_IMAGE"];
  if (old !== undefined) {
    const images = await inTurn(
      rounds,
      () => startOf(vm, "boot=auto", "image=debian"),
      () => startOf(vm, "boot=auto", `image=${old}`),
    );
    ratios.push(
      ratioOf("`qn up` beside the older image", valuesOf(images, "upS"), "s", "at most 0.7"),
      ratioOf("memory in the guest beside the older image", valuesOf(images, "usedMiB"), "MiB", "at most 0.8"),
      ratioOf("memory of QEMU beside the older image", valuesOf(images, "hostMiB"), "MiB", "at most 0.8"),
    );
  }
  for (const setting of ["boot=auto", "image=debian"]) await vm.qn("config", "set", setting);
  await vm.qn("up");
  return ratios;
}

// --- internal ---

async function startOf(vm: Vm, ...settings: readonly string[]): Promise<Start> {
  for (const setting of settings) await vm.qn("config", "set", setting);
  const begin = performance.now();
  await vm.qn("up");
  const upS = (performance.now() - begin) / 1000;
  const memory = await vm.qn("ssh", "--", "cat", "/proc/meminfo");
  const { qemu } = await vm.status();
  const resident = await readFile(`/proc/${qemu.pid}/status`, "utf8");
  await vm.qn("down");
  const usedMiB = mebibytesOf(memory, "MemTotal") - mebibytesOf(memory, "MemAvailable");
  return { upS, usedMiB, hostMiB: mebibytesOf(resident, "VmRSS") };
}

function valuesOf([first, second]: readonly [Start[], Start[]], key: keyof Start): readonly [number[], number[]] {
  return [first.map((start) => start[key]), second.map((start) => start[key])];
}

/** A number of kibibytes in the kernel's words, in MiB. */
function mebibytesOf(text: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)?.[1]) / 1024;
}
