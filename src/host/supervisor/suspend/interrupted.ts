/** What to do with a QEMU whose supervisor was killed while it saved or loaded the guest. */
import type { VmPaths } from "../../layout.ts";
import { queryStatus } from "../../qmp/commands.ts";
import { goOn } from "../../qmp/migrate.ts";
import type { Qemu } from "../boot/qemu.ts";
import { isSuspended, sweep } from "./files.ts";

/**
 * The same QEMU, whose guest goes on where it was being saved; nothing when it was being loaded: it is ended then, and
 * the saved state is there as before.
 */
export async function settleInterrupted(paths: VmPaths, qemu: Qemu): Promise<Qemu | undefined> {
  const status = await queryStatus(qemu.qmp).then(
    (answer) => answer.status,
    () => "unknown",
  );
  if (loading.has(status) || (standing.has(status) && (await isSuspended(paths)))) {
    await qemu.kill();
    return undefined;
  }
  if (standing.has(status)) await goOn(qemu.qmp);
  await sweep(paths);
  return qemu;
}

// --- internal ---

/** QEMU's words (qapi/run-state.json): it waits for a state or takes one; and its guest stands still by our word. */
const loading: ReadonlySet<string> = new Set(["inmigrate", "prelaunch"]);
const standing: ReadonlySet<string> = new Set(["paused", "finish-migrate", "postmigrate"]);
