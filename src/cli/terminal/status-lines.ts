/** A VM's status as lines for a person. */
import { byteSize, counted, duration } from "../../base/words.ts";
import type { Status } from "../../host/supervisor/messages.ts";

/** One line for each thing that matters; what is not known is left out. */
export function statusLines(status: Status): readonly string[] {
  const { docker, memory, ssh, qemu } = status;
  const facts: readonly (readonly [string, string | undefined])[] = [
    ["state", status.state + (status.phase === null ? "" : ` (${status.phase})`)],
    ["reason", status.reason ?? undefined],
    ["guest", `${status.arch}, ${counted(status.cpus, "CPU")}, ${status.memoryMiB} MiB, image ${status.image}`],
    ["memory", memoryWords(memory)],
    ["accel", status.accel ?? undefined],
    ["docker", `unix://${docker.socket}${docker.reachable ? "" : dockerWords(status)}`],
    ["ssh", ssh.port === null ? undefined : `${ssh.user}@${ssh.host} port ${ssh.port}, or: qn ssh ${status.name}`],
    ["ports", status.ports.length === 0 ? undefined : `${counted(status.ports.length, "forward")}, see: qn ports`],
    ["mounts", status.mounts.length === 0 ? undefined : status.mounts.map(mountWords).join(", ")],
    ["qemu", qemu.version === null ? undefined : `${qemu.version}${qemu.pid === null ? "" : `, pid ${qemu.pid}`}`],
    ["up for", status.uptimeMs === 0 ? undefined : duration(status.uptimeMs)],
  ];
  return facts.flatMap(([name, value]) => (value === undefined ? [] : [`${name.padEnd(8)}${value}`]));
}

// --- internal ---

function dockerWords({ state }: Status): string {
  return state === "asleep" || state === "paused" ? " (wakes the VM)" : " (does not answer)";
}

function memoryWords({ usedBytes, residentBytes }: Status["memory"]): string | undefined {
  const words = [
    ...(usedBytes === null ? [] : [`${byteSize(usedBytes)} used in the guest`]),
    ...(residentBytes === null ? [] : [`${byteSize(residentBytes)} of this machine's taken`]),
  ];
  return words.length === 0 ? undefined : words.join(", ");
}

function mountWords({ path, readOnly }: Status["mounts"][number]): string {
  return path + (readOnly ? " (read-only)" : "");
}
