/** A fake of QEMU's monitor: a real Unix socket behind which a test does whatever QEMU should never do. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { turn } from "../../src/system/clock.ts";
import { type Connection, listen } from "../../src/system/net/connection.ts";

/** The greeting of QEMU 7.2.22, word for word. */
export const greeting =
  '{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": "Debian"}, "capabilities": ["oob"]}}\r\n';

/** The fake's side of one conversation. */
export type Peer = {
  /** Sends bytes or text as they are. */
  send(bytes: Uint8Array | string): void;
  /** Sends the reply to the command with this id. */
  reply(id: number, value: unknown): void;
  /** Hangs up. */
  hangUp(): void;
};

/** A command as the fake received it. */
export type Command = { readonly execute: string; readonly arguments?: unknown; readonly id: number };

/** What the fake does: when somebody connects, and for each command after the negotiation, which it answers itself. */
export type Behaviour = {
  readonly onConnect?: (peer: Peer) => void;
  readonly onCommand?: (command: Command, peer: Peer) => void;
};

/** Starts a fake monitor. It greets unless `onConnect` is given. */
export async function startFakeQmp(behaviour: Behaviour): Promise<AsyncDisposable & { readonly socketPath: string }> {
  const folder = await mkdtemp(join(tmpdir(), "qmp-"));
  const socketPath = join(folder, "qmp.sock");
  const listener = listen({ unix: socketPath }, (connection) => {
    const peer = peerOf(connection);
    let text = "";
    connection.amend({
      onData: (bytes) => {
        text += Buffer.from(bytes).toString();
        const lines = text.split("\n");
        text = lines.pop() ?? "";
        for (const line of lines) {
          const command = JSON.parse(line) as Command;
          if (command.execute === "qmp_capabilities") peer.reply(command.id, {});
          else behaviour.onCommand?.(command, peer);
        }
      },
    });
    (behaviour.onConnect ?? (() => peer.send(greeting)))(peer);
  });
  return {
    socketPath,
    async [Symbol.asyncDispose]() {
      listener.close();
      await rm(folder, { recursive: true });
    },
  };
}

/** Sends a message in two parts, as a kernel may cut it anywhere, once what was sent before is on its way. */
export async function inTwoParts(monitor: Connection, message: string, before: Promise<void>): Promise<void> {
  await before;
  const half = Math.floor(message.length / 2);
  monitor.write(message.slice(0, half));
  await turn();
  monitor.write(message.slice(half));
}

// --- internal ---

function peerOf(connection: Connection): Peer {
  return {
    send: (bytes) => void connection.write(bytes),
    reply: (id, value) => void connection.write(`${JSON.stringify({ return: value, id })}\r\n`),
    hangUp: () => connection.end(),
  };
}
