/** Whether a VM sleeps that has no supervisor yet: it is suspended, and may fall asleep by itself. */
import { msIn } from "../../config/idle-time.ts";
import type { VmConfig } from "../../config/schema.ts";
import type { VmPaths } from "../../layout.ts";
import type { BootRecord } from "../boot/boot.ts";
import { isSuspended } from "./files.ts";
import { readHead } from "./state.ts";

/** The boot that it sleeps in; nothing where it does not, or where its state is none. Throws the system's errors. */
export async function bootAsleep(paths: VmPaths, { idle }: Pick<VmConfig, "idle">): Promise<BootRecord | undefined> {
  if (msIn(idle.after) === undefined || !(await isSuspended(paths))) return undefined;
  return (await readHead(paths.suspended))?.boot;
}
