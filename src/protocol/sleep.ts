/** What host and guest say about a VM that is being suspended. */
import * as v from "valibot";

/** The most containers that are named, and the longest reason. */
const namesMax = 256;
const name = v.pipe(v.string(), v.maxLength(256));
const number = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

/**
 * Let go of the host's folders: while they are mounted, QEMU cannot save the guest. The guest takes them again when a
 * host links to it, whether it was suspended meanwhile or not.
 */
export const sleepSchema = v.object({
  type: v.literal("sleep"),
  /** Only if nothing in the guest is in use: nobody has asked for it, and no container is stopped. */
  ifUnused: v.optional(v.boolean()),
});

/**
 * The answer: the containers that were stopped because they hold mounts, in that order, and that start again with the
 * next link; or why the guest cannot let go.
 */
export const asleepSchema = v.object({
  type: v.literal("asleep"),
  stopped: v.pipe(v.array(name), v.maxLength(namesMax)),
  refusal: v.optional(v.pipe(v.string(), v.maxLength(4_096))),
});

/** Is anything in use? The number comes back with the answer. */
export const useSchema = v.object({ type: v.literal("use"), ask: number });

/** What is in use, as a sentence; nothing when nothing is. */
export const usedSchema = v.object({
  type: v.literal("use"),
  answers: number,
  use: v.optional(v.pipe(v.string(), v.maxLength(4_096))),
});

/**
 * Is what was due by the clock done? The guest has stood still, and goes on for that alone. It answers when it is, with
 * the question's number.
 */
export const calmSchema = v.object({ type: v.literal("calm"), ask: number });
export const calmedSchema = v.object({ type: v.literal("calm"), answers: number });

/** How a guest answers. */
export type Asleep = v.InferOutput<typeof asleepSchema>;
