/** Remembers what running guests has shown, until the host boots again or QEMU changes. */
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import * as v from "valibot";
import { readTextIfThere, writeFileAtomically } from "../../system/files.ts";
import type { HostFacts, Usability } from "./facts.ts";

const usabilitySchema = v.variant("usable", [
  v.object({ usable: v.literal(true) }),
  v.object({ usable: v.literal(false), reason: v.string() }),
]);

const trialsSchema = v.object({
  accel: usabilitySchema,
  sandbox: v.boolean(),
  virtiofs: usabilitySchema,
  triedAtMs: v.number(),
});

const cacheSchema = v.record(v.string(), trialsSchema);

/**
 * How long a failure is believed: its cause may have been a busy machine, or another program that held the processor's
 * virtualization.
 */
const failureLifeMs = 3_600_000;

/** What only a trial can show, of one QEMU on one host. */
export type Trials = Pick<HostFacts, "sandbox" | "virtiofs"> & { readonly accel: Usability };

/**
 * The remembered trials for `key`, or those that `make` runs now, which are remembered. A cache that cannot be read
 * or written is as good as none: the trials are run. `nowMs` is the time, in milliseconds since 1970.
 */
export async function remembered(
  file: string,
  key: string,
  make: () => Promise<Trials>,
  nowMs = Date.now(),
): Promise<Trials> {
  const known = await readCache(file);
  const found = known[key];
  if (found !== undefined && (found.accel.usable || Math.abs(nowMs - found.triedAtMs) < failureLifeMs)) return found;
  const trials = await make();
  // Only keys of this QEMU's siblings stay: what is about another boot or an older QEMU is never asked for again.
  const [boot = ""] = key.split(" ");
  const kept = Object.entries(known).filter(([other]) => other.startsWith(`${boot} `));
  await writeCache(file, { ...Object.fromEntries(kept), [key]: { ...trials, triedAtMs: nowMs } });
  return trials;
}

// --- internal ---

type Cache = v.InferOutput<typeof cacheSchema>;

async function readCache(file: string): Promise<Cache> {
  try {
    const result = v.safeParse(cacheSchema, JSON.parse((await readTextIfThere(file)) ?? "{}"));
    return result.success ? result.output : {};
  } catch {
    return {};
  }
}

async function writeCache(file: string, cache: Cache): Promise<void> {
  try {
    await mkdir(dirname(file), { recursive: true });
    await writeFileAtomically(file, `${JSON.stringify(cache, undefined, 2)}\n`);
  } catch {
    // Without a cache the next start takes a second longer, and that is all.
  }
}
