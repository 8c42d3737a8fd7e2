/** The guest's Docker socket on the host: a Unix socket whose every connection is carried through the gate. */
import { rmSync } from "node:fs";
import { type Connection, listen, type Listener } from "../../system/net/connection.ts";
import { requestLineIn, tracers } from "../../system/trace.ts";
import type { Gateway } from "./gateway.ts";

/**
 * Opens the socket; a file that a killed supervisor left is replaced, so hold the VM's lock. `onRefused` is told why a
 * client was turned away.
 */
export function openDockerSocket(path: string, gateway: Gateway, onRefused: (reason: string) => void): Listener {
  rmSync(path, { force: true });
  return listen({ unix: path }, (client) => {
    const carry = (early?: Uint8Array): void =>
      void gateway.carry(client, { open: "docker" }, { onRefused, ...traced() }, early);
    if (gateway.isResting) onFirstWords(client, carry);
    else carry();
  });
}

// --- internal ---

/** Docker's clients speak first: who only looks whether somebody listens here wakes nobody. */
function onFirstWords(client: Connection, carry: (early: Uint8Array) => void): void {
  client.take({
    onData(bytes) {
      client.pause();
      // It is read again for the next client.
      carry(new Uint8Array(bytes));
    },
    onEnd: () => client.reset(),
  });
}

/** Shows in the trace what clients ask: the first line of each request, and nothing behind it. */
function traced() {
  if (tracers.docker === undefined) return {};
  return {
    onOuterData(bytes: Uint8Array) {
      const line = requestLineIn(bytes);
      if (line !== undefined) tracers.docker?.("<-", line);
    },
  };
}
