/**
 * Which of the host's ports a VM's Docker chooses from, and which lead to its gate and its sshd: a slot of its own, so
 * that two VMs never choose the same.
 */

import type { PortRange } from "../../protocol/messages.ts";

/**
 * 18 slots of 512 ports below the ports that Linux (32768-60999) and macOS (49152-65535) give to clients, and below
 * those that Kubernetes gives to services (30000-32767), but above what services are usually configured to.
 */
const poolFirst = 20_480;
const slotPorts = 512;
const slots: readonly PortRange[] = Array.from({ length: 18 }, (_, index) => {
  const first = poolFirst + index * slotPorts;
  return { first, last: first + slotPorts - 1 };
});

/** Below them 24 ports for each slot: the ways into all VMs, which guest/nftables.conf hides from every guest. */
const doorsFirst = 20_048;
const slotDoors = 24;
export const doors: PortRange = { first: doorsFirst, last: doorsFirst + slots.length * slotDoors - 1 };

/** The ports for the ways into the VM that has the slot `range`, in order. */
export function doorsOf(range: PortRange): readonly number[] {
  const slot = slots.findIndex((each) => meets(each, range));
  const first = doorsFirst + Math.max(slot, 0) * slotDoors;
  return Array.from({ length: slotDoors }, (_, index) => first + index);
}

/**
 * The slot for a new VM: beginning at `seed`, the first one that no other VM has and that lies outside `hostClients`,
 * the ports that the host gives to clients. When there is none, the one at `seed` is shared: ports that are taken are
 * avoided one by one then.
 */
export function chooseRange(
  others: readonly PortRange[],
  seed: number,
  hostClients: PortRange = { first: 32_768, last: 60_999 },
): PortRange {
  const inTurn = slots.map((_, index) => slots[(seed + index) % slots.length]).filter((slot) => slot !== undefined);
  const unused = inTurn.filter((slot) => !others.some((other) => meets(slot, other)));
  const chosen = unused.find((slot) => !meets(slot, hostClients)) ?? unused[0] ?? inTurn[0];
  if (chosen === undefined) throw new RangeError("There are no slots.");
  return chosen;
}

// --- internal ---

function meets(one: PortRange, other: PortRange): boolean {
  return one.first <= other.last && other.first <= one.last;
}
