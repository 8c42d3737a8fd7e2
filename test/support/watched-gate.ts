/** The agent's real gate with an eye on it: whatever anybody reaches through it is noted. */
import { expect } from "bun:test";
import { dial } from "../../src/host/gate/dial.ts";
import { encode } from "../../src/protocol/frame.ts";
import type { Open } from "../../src/protocol/stream-request.ts";
import { type Connection, connect } from "../../src/system/net/connection.ts";
import { realGate, type TestGate } from "./gates.ts";
import { listenSomewhere, receive, type Received } from "./streams.ts";

export type Watched = AsyncDisposable & {
  readonly gate: TestGate;
  readonly opened: Open[];
  readonly controls: string[];
  count: number;
};

/** A gate that notes whatever anybody reaches through it; `count` is how many streams came to the server behind it. */
export async function watchedGate(options: { readonly handshakeDeadlineMs?: number } = {}): Promise<Watched> {
  const opened: Open[] = [];
  const controls: string[] = [];
  const server = await listenSomewhere("tcp", (connection) => {
    watched.count += 1;
    connection.amend({
      onData: (bytes) => void connection.write(bytes),
      onEnd: () => connection.end(),
    });
  });
  const gate = realGate({
    ...options,
    addressOf: (open) => {
      opened.push(open);
      return server.address;
    },
    onControl: (connection, early) => {
      controls.push(Buffer.from(early).toString());
      connection.reset();
    },
  });
  const watched: Watched = {
    gate,
    opened,
    controls,
    count: 0,
    async [Symbol.asyncDispose]() {
      gate[Symbol.dispose]();
      await server[Symbol.asyncDispose]();
    },
  };
  return watched;
}

/** What is in front of this many bytes of a stream. */
export function headOf(bytes: number): string {
  return `\0\0\0${String.fromCodePoint(bytes)}`;
}

/** Some text of a stream, as it travels. */
export function piece(text: string): string {
  return headOf(text.length) + text;
}

/** Knocks without a word. */
export async function knock({ key }: TestGate): Promise<{ connection: Connection; received: Received }> {
  const connection = await connect({ hostname: "127.0.0.1", port: key.port });
  return { connection, received: receive(connection) };
}

/** That the gate still serves who may come, and has served nobody else. */
export async function expectUnharmed(watched: Watched): Promise<void> {
  expect([watched.opened, watched.controls, watched.count]).toEqual([[], [], 0]);
  const { connection, lines } = await dial(watched.gate.key);
  connection.write(encode({ open: "docker" }));
  expect(await lines.next()).toBe('{"ok":true}');
  connection.write(piece("ping\n"));
  expect(await lines.next()).toBe(`${headOf(5)}ping`);
  connection.reset();
  expect([watched.opened, watched.count]).toEqual([[{ open: "docker" }], 1]);
}
