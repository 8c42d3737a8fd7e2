/** Whether a suspended VM can go on as it is: only into the machine that it was suspended from, and on its disks. */
import type { DiskIdentity, Head } from "./state.ts";

/** What there is now, in the words of the head. */
export type Present = Pick<Head, "qemu" | "image" | "cpu" | "told" | "disks"> & {
  readonly argv: readonly string[];
};

/** Why the saved state does not fit, as the end of a sentence that begins with "because"; nothing when it does. */
export function misfit(head: Head, present: Present): string | undefined {
  return reasons.map((reason) => reason(head, present)).find((words) => words !== undefined);
}

// --- internal ---

type Reason = (head: Head, present: Present) => string | undefined;

/** In this order: what explains the others comes first. */
const reasons: readonly Reason[] = [
  ({ qemu }, now) => (qemu === now.qemu ? undefined : `QEMU is ${now.qemu} now and was ${qemu}`),
  ({ image }, now) => (image === now.image ? undefined : "it has another image now"),
  ({ cpu }, now) => (cpu === now.cpu ? undefined : "this machine has another processor now"),
  ({ disks }, now) => changedDisk(disks, now.disks),
  ({ boot, told }, { argv, told: toldNow }) =>
    told === toldNow && isSame(boot.argv, argv) ? undefined : "its settings have changed",
];

function changedDisk(disks: readonly DiskIdentity[], now: readonly DiskIdentity[]): string | undefined {
  const changed = disks.find(
    ({ path, sizeBytes, changedNs }) =>
      !now.some((disk) => disk.path === path && disk.sizeBytes === sizeBytes && disk.changedNs === changedNs),
  );
  return changed === undefined ? undefined : `${changed.path} has changed`;
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((word, index) => word === other[index]);
}
