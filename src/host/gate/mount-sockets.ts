/** Brings programs of this machine to containers' sockets in mounts: the servers of mounts ask for it. */
import { rmSync } from "node:fs";
import { messageOf, QnError } from "../../base/errors.ts";
import { LineReader } from "../../protocol/frame.ts";
import { type MountSocket, mountSocketBytesMax, parseMountSocket } from "../../protocol/mount-sockets.ts";
import { within } from "../../system/clock.ts";
import { type Connection, listen, type Listener } from "../../system/net/connection.ts";
import { linesOf } from "../../system/net/lines.ts";
import type { Gateway } from "./gateway.ts";

/** How long the server of a mount may take to say where its client wants to go; it says that at once. */
const patienceMs = 20_000;

/**
 * Opens the socket at which servers of mounts bring their clients, each with one line before its bytes; a file that a
 * killed supervisor left is replaced, so hold the VM's lock. Clients have their places among those of ports, and as
 * many as a port. `onRefused` is told why one was turned away.
 */
export function openMountSocket(path: string, gateway: Gateway, onRefused: (reason: string) => void): Listener {
  rmSync(path, { force: true });
  const wanted = new WeakMap<Connection, Asked>();
  const clients = gateway.clients.ofForward((client, said, onDone) => {
    const asked = wanted.get(client);
    if (asked === undefined) return;
    const early = Buffer.concat([asked.early, said]);
    void gateway.carry(client, { open: "mount-socket", ...asked.socket }, { onRefused, onDone }, early);
  });
  return listen({ unix: path }, (client) => {
    void askedOf(client).then(
      (asked) => {
        wanted.set(client, asked);
        return clients.admit(client, (reason) => reason !== undefined && onRefused(reason));
      },
      (error: unknown) => {
        client.reset();
        onRefused(messageOf(error));
      },
    );
  });
}

// --- internal ---

/** Where a client wants to go, and what it has said by then. */
type Asked = { readonly socket: MountSocket; readonly early: Uint8Array };

const tooLate = (): QnError => new QnError("PROTOCOL", "The server of a mount says nothing.");

async function askedOf(client: Connection): Promise<Asked> {
  const lines = linesOf(client, new LineReader(mountSocketBytesMax));
  const socket = parseMountSocket(await within(lines.next(), patienceMs, tooLate));
  // It is read again for the next client.
  return { socket, early: new Uint8Array(lines.release()) };
}
