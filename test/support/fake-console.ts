/** The serial console of the fake QEMU's guest. */
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { type Connection, listen } from "../../src/system/net/connection.ts";

/** What the guest says on its console, and when somebody has come to hear it. */
export type Console = { readonly say: (line: string) => void; readonly hasReader: Promise<void> };

/** A socket for one reader at a time; without one every word is lost. */
export function consoleAt(path: string): Console {
  let reader: Connection | undefined;
  const { promise: hasReader, resolve } = Promise.withResolvers<void>();
  listen({ unix: path }, (connection) => {
    reader = connection;
    connection.take({ onClose: () => (reader = reader === connection ? undefined : reader) });
    resolve();
  });
  return { say: (line) => void reader?.write(`${line}\r\n`), hasReader };
}

/** The log in the VM's folder, as QEMUs of an older qn write it themselves. */
export function consoleIn(vmFolder: string): Console {
  return { say: (line) => appendFileSync(join(vmFolder, "serial.log"), `${line}\r\n`), hasReader: Promise.resolve() };
}
