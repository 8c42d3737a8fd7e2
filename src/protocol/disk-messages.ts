/** What host and guest say to each other of the VM's own disks. */
import * as v from "valibot";

/** More than any qn has: one that is newer may have more of them than this one. */
const disksMax = 64;

const name = v.pipe(v.string(), v.regex(/^[a-z][a-z0-9-]{0,15}$/));
const sizeBytes = v.pipe(v.number(), v.integer(), v.minValue(0));
const number = v.pipe(v.number(), v.integer());

/** The further disks, as the guest is told at boot. */
export const bootDisksSchema = v.pipe(v.array(v.object({ name })), v.maxLength(disksMax));

/** The host says how large each disk is now: its file system should fill it. `ask` comes back with the answer. */
export const diskSizesSchema = v.object({
  type: v.literal("disks"),
  ask: number,
  disks: v.pipe(v.array(v.object({ name, sizeBytes })), v.maxLength(disksMax)),
});

/** What the guest has of them: how large each file system is, or why there is none that fills its disk. */
export const diskStatesSchema = v.object({
  type: v.literal("disks"),
  answers: number,
  disks: v.pipe(
    v.array(
      v.object({
        name,
        sizeBytes: v.optional(sizeBytes),
        error: v.optional(v.pipe(v.string(), v.maxLength(1_024))),
      }),
    ),
    v.maxLength(disksMax),
  ),
});

/** What the guest has of one disk. */
export type DiskState = v.InferOutput<typeof diskStatesSchema>["disks"][number];
