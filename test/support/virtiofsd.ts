/** Whether this machine can serve shares with virtiofsd. */
import { findVirtiofsd } from "../../src/host/qemu/probe-virtiofsd.ts";

/** True where qn finds a virtiofsd that it takes. */
export async function hasVirtiofsd(): Promise<boolean> {
  try {
    return (await findVirtiofsd(process.env)) !== undefined;
  } catch {
    return false;
  }
}
