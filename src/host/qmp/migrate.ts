/** QEMU's migration as qn uses it: a guest that stands still is saved to a Unix socket, and loaded from one. */
import * as v from "valibot";
import { messageOf, QnError } from "../../base/errors.ts";
import { pause } from "../../system/clock.ts";
import type { QmpClient } from "./client.ts";

/**
 * Sends the state of a guest that is stopped to whoever listens at `socketPath`. Throws QEMU_FAILED when QEMU refuses
 * or does not get through; the guest can go on then. Memory that is a file is left out where it `isMemoryAside`.
 */
export async function saveTo(qmp: QmpClient, socketPath: string, isMemoryAside = false): Promise<void> {
  await setCapabilities(qmp, ["events", ...(isMemoryAside ? [memoryAside] : [])]);
  // QEMU's own limit is that of a network's.
  await qmp.execute("migrate-set-parameters", { "max-bandwidth": 1024 ** 4 });
  await settled(qmp, async () => void (await qmp.execute("migrate", { uri: `unix:${socketPath}` })));
}

/**
 * Loads a state from `uri` into a QEMU that waits for one (`-incoming defer`); `beside` is what has to be done
 * meanwhile. The guest stands still afterwards, and its disks are not touched before it goes on. Throws QEMU_FAILED,
 * and what `beside` throws.
 */
export async function loadFrom(
  qmp: QmpClient,
  uri: string,
  beside: () => Promise<void>,
  isMemoryAside = false,
): Promise<void> {
  await setCapabilities(qmp, ["events", "late-block-activate", ...(isMemoryAside ? [memoryAside] : [])]);
  await settled(qmp, async () => {
    await qmp.execute("migrate-incoming", { uri });
    await beside();
  });
}

/**
 * Lets a guest that stands still go on; disks that were let go of are QEMU's again. A migration that has failed, or
 * been told of as complete, is not over for QEMU at once, which refuses until then. Throws QEMU_FAILED.
 */
export async function goOn(
  qmp: Pick<QmpClient, "execute">,
  { deadlineMs = slowMs }: { readonly deadlineMs?: number } = {},
): Promise<void> {
  const endsMs = performance.now() + deadlineMs;
  for (;;) {
    try {
      await qmp.execute("cont", undefined, { deadlineMs: slowMs });
      return;
    } catch (error) {
      if (!messageOf(error).includes(notOver) || performance.now() > endsMs) throw error;
    }
    await pause(betweenMs);
  }
}

// --- internal ---

/**
 * QEMU's capability of leaving memory out that is in a file which outlives it (QEMU 4.0 and later; it has kept its x).
 */
const memoryAside = "x-ignore-shared";

/** Takes QEMU as long as its disks need. */
const slowMs = 60_000;

/** What QEMU says of `cont` meanwhile (qmp_cont in monitor/qmp-cmds.c), and how long until the next try. */
const notOver = "Migration is not finalized yet";
const betweenMs = 10;

const eventSchema = v.object({ status: v.string() });
const outcomeSchema = v.object({ "error-desc": v.optional(v.string(), "it does not say why") });

async function setCapabilities(qmp: QmpClient, names: readonly string[]): Promise<void> {
  const capabilities = names.map((capability) => ({ capability, state: true }));
  await qmp.execute("migrate-set-capabilities", { capabilities });
}

/** Begins a migration and resolves when it is complete; one that fails ends it before what feeds it has ended. */
async function settled(qmp: QmpClient, begin: () => Promise<void>): Promise<void> {
  const { promise: completed, resolve, reject } = Promise.withResolvers<void>();
  const off = qmp.onEvent(({ name, data }) => {
    const event = name === "MIGRATION" ? v.safeParse(eventSchema, data) : undefined;
    const status = event?.success === true ? event.output.status : "";
    if (status === "completed") resolve();
    if (status === "failed" || status === "cancelled") void whyFailed(qmp).then(reject);
  });
  void qmp.closed.then(() => reject(new QnError("QEMU_FAILED", "QEMU ended in the middle of it.")));
  try {
    await Promise.all([completed, begin()]);
  } finally {
    off();
  }
}

async function whyFailed(qmp: QmpClient): Promise<QnError> {
  const answer = await qmp.execute("query-migrate").catch(() => undefined);
  const outcome = v.safeParse(outcomeSchema, answer);
  const why = outcome.success ? outcome.output["error-desc"] : "it does not say why";
  return new QnError("QEMU_FAILED", `QEMU does not get through with it: ${why}.`);
}
