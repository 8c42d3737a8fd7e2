/** What lists show of a VM without a supervisor. */
import type { VmConfig } from "../config/schema.ts";
import type { Status } from "./messages.ts";

/** The part of a status that lists show. */
export type StatusSummary = Pick<Status, "state" | "reason" | "arch" | "cpus" | "memoryMiB" | "image">;

/** That of a VM that has no supervisor; whoever knows why it is down says so in `state` and `reason`. */
export function restingSummary(config: VmConfig | undefined): StatusSummary {
  return {
    state: "stopped",
    reason: null,
    arch: config?.arch ?? "x86_64",
    cpus: config?.cpus ?? 0,
    memoryMiB: config?.memoryMiB ?? 0,
    image: config?.image ?? "",
  };
}
