/** The book of ports, opened: it reports over the link with the host, and hears there what came of it. */
import { after } from "../../system/clock.ts";
import { isThere, writeFileAtomically } from "../../system/files.ts";
import type { HostLink } from "../link/link.ts";
import { PortBook } from "./port-table.ts";
import { HeldPorts } from "./reserved-ports.ts";

/** Says that an agent has been here since the guest started, and so that the host may know its ports. */
const servedFile = "/run/qn/ports-served";

/**
 * How long an agent that was started anew keeps silent about ports at the most: Docker has been asked for them long
 * before.
 */
const silenceMs = 60_000;

/** Opens it, until `close`. An agent that was started anew is silent at first, in the book and on the link. */
export async function openBook(
  link: HostLink,
  onTrouble: (text: string) => void,
): Promise<{ readonly book: PortBook; close(): void }> {
  const held = new HeldPorts();
  const book = new PortBook((ports, choosing) => link.reportPorts(ports, choosing || held.any), onTrouble);
  link.onServed = (report, failed, taken) => {
    if (taken !== undefined) held.hold(taken);
    book.onServed(report, failed);
  };
  if (!(await isThere(servedFile))) {
    await writeFileAtomically(servedFile, "", 0o644);
    return { book, close: () => {} };
  }
  link.awaitPorts();
  book.keepSilent();
  const silence = after(silenceMs, () => book.speak());
  return { book, close: () => silence.cancel() };
}
