/** The port table, opened: it reports over the link with the host, and hears there what came of it. */
import { after } from "../../system/clock.ts";
import { isThere, writeFileAtomically } from "../../system/files.ts";
import type { HostLink } from "../link/link.ts";
import { PortTable } from "./port-table.ts";
import { ReservedPorts } from "./reserved-ports.ts";

/** Says that an agent has been here since the guest started, and so that the host may know its ports. */
const servedFile = "/run/qn/ports-served";

/**
 * How long an agent that was started anew keeps silent about ports at the most: Docker has been asked for them long
 * before.
 */
const silenceMs = 60_000;

/** Opens it, until `close`. An agent that was started anew is silent at first, in the table and on the link. */
export async function openPortTable(
  link: HostLink,
  onTrouble: (text: string) => void,
): Promise<{ readonly table: PortTable; close(): void }> {
  const reserved = new ReservedPorts();
  const table = new PortTable((ports, choosing) => link.reportPorts(ports, choosing || reserved.any), onTrouble);
  link.onServed = (report, failed, taken) => {
    if (taken !== undefined) reserved.hold(taken);
    table.onServed(report, failed);
  };
  if (!(await isThere(servedFile))) {
    await writeFileAtomically(servedFile, "", 0o644);
    return { table, close: () => {} };
  }
  link.awaitPorts();
  table.keepSilent();
  const silence = after(silenceMs, () => table.speak());
  return { table, close: () => silence.cancel() };
}
