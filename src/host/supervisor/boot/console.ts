/** The guest's console on its way from QEMU to serial.log: it comes no further while nobody takes it. */
import { turn } from "../../../system/clock.ts";
import { type Connection, connect } from "../../../system/net/connection.ts";
import { AppendedLog } from "./appended-log.ts";

/** A console that is kept in a log. */
export type Console = {
  /** Resolves when all that the guest has said by now is in the log. */
  heard(): Promise<void>;
  close(): void;
};

/**
 * Writes what the guest says into the log, until closed or QEMU ends. Where nobody listens at `socketPath` the QEMU is
 * of an older qn, which writes to the log itself.
 */
export async function keepConsole(socketPath: string, logPath: string): Promise<Console> {
  const connection = await connect({ unix: socketPath }).catch(() => undefined);
  if (connection === undefined) return { heard: async () => {}, close: () => {} };
  const log = new AppendedLog(logPath);
  connection.take({ onData: (bytes) => log.write(bytes), onClose: () => log.close() });
  return { heard: async () => await delivered(connection), close: () => connection.reset() };
}

// --- internal ---

/**
 * What QEMU has put into the socket before it said or did something else is there with that, so it comes in the same
 * turn of the loop. The second turn is for what one read does not take.
 */
async function delivered(connection: Connection): Promise<void> {
  for (let turns = 0; turns < 2 && !connection.isClosed; turns += 1) await turn();
}
