/** The readiness signal: rings the host when the guest has come so far that it can be spoken to. */
import { type FileHandle, open } from "node:fs/promises";
import { messageOf, QnError } from "../../base/errors.ts";
import { doorbellPort } from "../../protocol/messages.ts";

/**
 * Opens the doorbell: QEMU tells the host (VSERPORT_CHANGE) when a process holds this port open, so it need not try
 * the gate again and again while the guest boots. No byte ever passes. Throws AGENT_FAILED when the port is not
 * there, and systemd then starts the agent again: a host that is never rung would wait in vain.
 */
export async function ring(): Promise<FileHandle> {
  const path = `/dev/virtio-ports/${doorbellPort}`;
  try {
    return await open(path, "r+");
  } catch (cause) {
    throw new QnError("AGENT_FAILED", `The agent's device ${path} cannot be opened: ${messageOf(cause)}.`, { cause });
  }
}
