/** Which of the ports that a VM's Docker chooses from it had better not choose. */
import type { PortRange } from "../../protocol/messages.ts";
import { portsInUse } from "../../system/ports-in-use.ts";
import type { Forward } from "./apply.ts";
import { deniedBy, type PortRules } from "./listener-plan.ts";

/**
 * Those that somebody else on this machine holds, or that are never forwarded; `own` are the VM's forwards. None
 * without a range.
 */
export async function takenPorts(
  range: PortRange | undefined,
  own: readonly Readonly<Forward>[],
  { deny }: PortRules,
  log: (text: string) => void,
): Promise<number[]> {
  if (range === undefined) return [];
  const { first, last } = range;
  const inUse = await portsInUse().catch((error: unknown) => {
    log(`cannot look for ports in use: ${String(error)}`);
    return new Set<number>();
  });
  // What its containers have Docker knows by itself.
  const ours = new Set(own.filter(({ listener }) => listener !== undefined).map(({ hostPort }) => hostPort));
  const all = Array.from({ length: last - first + 1 }, (_, index) => first + index);
  return all.filter((port) => (inUse.has(port) && !ours.has(port)) || deniedBy(port, deny) !== undefined);
}
