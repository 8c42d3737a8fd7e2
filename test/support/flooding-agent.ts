/** An agent that has proven itself and is hostile: it asks without end and reads no answer. */
import { createServer } from "node:net";
import { dirname } from "node:path";
import { encodeDatagram } from "../../src/protocol/datagram.ts";
import { encode } from "../../src/protocol/frame.ts";
import { type AgentMessage, type PublishedPort, protocolVersion } from "../../src/protocol/messages.ts";
import type { Connection } from "../../src/system/net/connection.ts";
import { questionAbout } from "./fake-dns.ts";

/** What it floods its host with. */
export const floods = [
  "docker",
  "clock",
  "mounts",
  "names",
  "ports",
  "choosing",
  "log",
  "provision",
  "hello",
  "socket",
  "later",
  "wrong",
] as const;
export type Flood = (typeof floods)[number];

/** The takers of a gate's two conversations. */
export type FloodingAgent = {
  readonly onControl: (connection: Connection) => void;
  readonly onNames: (connection: Connection) => void;
  /** From now on every conversation is flooded, those that come later too. */
  begin(): void;
};

/** Makes it; until `begin` it behaves. `folder` is one that the host shares, with something in it. */
export function floodingAgent(flood: Flood, folder: string): FloodingAgent {
  const conversations = new Map<Connection, Buffer>();
  let isFlooding = false;
  const takenPorts = flood === "ports" || flood === "choosing" ? holdPorts() : [];
  const words = flood === "names" ? Buffer.alloc(0) : wordsOf(flood, folder, takenPorts);
  const questions = flood === "names" ? repeated(encodeDatagram(questionAbout("flood.test"))) : Buffer.alloc(0);
  const converse = (connection: Connection, said: string, flooded: Buffer): void => {
    connection.write(said);
    connection.amend({
      onClose: () => conversations.delete(connection),
      onData: () => {},
    });
    connection.resume();
    if (flooded.length === 0) return;
    conversations.set(connection, flooded);
    if (isFlooding) floodedWith(connection, flooded);
  };
  const hello = encode({ type: "hello", protocol: protocolVersion, version: "0.1.0", capabilities: ["clock"] });
  return {
    onControl: (connection) =>
      converse(connection, hello + encode({ type: "docker", state: "ready" } satisfies AgentMessage), words),
    onNames: (connection) => converse(connection, encode({ ok: true }), questions),
    begin() {
      isFlooding = true;
      for (const [connection, flooded] of conversations) floodedWith(connection, flooded);
    },
  };
}

/** Writes the same without end, as fast as it is taken, and reads nothing. */
export function floodedWith(connection: Connection, words: Uint8Array): void {
  const writesPerTurn = 32;
  const pour = (): void => {
    for (let writes = 0; writes < writesPerTurn; writes += 1) {
      if (connection.isClosed || !connection.write(words)) return;
    }
    setImmediate(pour);
  };
  connection.pause();
  connection.amend({ onDrain: pour });
  pour();
}

/** As many of the same in a row as make some ten thousand bytes. */
export function repeated(words: Uint8Array): Buffer {
  return Buffer.concat(Array.from({ length: Math.ceil(16_384 / words.length) }, () => words));
}

/** The folder that the agent behind this QEMU wants to be watched: beside the home, since nobody may see that. */
export function floodedFolder(qemu: string): string {
  return `${dirname(dirname(qemu))}-flooded`;
}

// --- internal ---

/** Ports that the host cannot have: taken, with somebody to look for each time, and at an address of nobody's. */
const reportedPorts = 2_000;
const heldPorts = 32;

function holdPorts(): number[] {
  return Array.from({ length: heldPorts }, (_, index) => {
    const port = 17_000 + index;
    createServer()
      .listen(port, "127.0.0.1")
      .on("error", () => {});
    return port;
  });
}

function wordsOf(flood: Exclude<Flood, "names">, folder: string, taken: readonly number[]): Buffer {
  switch (flood) {
    case "docker":
      return repeated(Buffer.from(encode({ type: "docker", state: "ready" })));
    case "clock":
      return repeated(Buffer.from(encode({ type: "clock", asked: 1 })));
    case "mounts":
      // Now one source, now another: each is looked for, and watched from the beginning.
      return repeated(Buffer.from(mounts(folder) + mounts(`${folder}/0`)));
    case "ports":
    case "choosing":
      return Buffer.from(ports(taken, 0, flood === "choosing") + ports(taken, 10_000, flood === "choosing"));
    case "log":
      return repeated(Buffer.from(encode({ type: "log", text: "x".repeat(4_000) })));
    case "provision":
      return repeated(Buffer.from(provision(0) + provision(1)));
    case "hello":
      return repeated(Buffer.from(encode({ type: "hello", protocol: protocolVersion, version: "0.1.0" })));
    case "socket":
      return repeated(Buffer.from(encode({ type: "socket", name: "/etc", client: 1 })));
    // Of a kind that only a newer host knows, and as dear to read as a line can be.
    case "later":
      return Buffer.from(`{"type":"later","deep":${"[".repeat(500_000)}${"]".repeat(500_000)}}\n`);
    // Wrong in more places than anybody wants to hear of; it ends its link, and the host comes again.
    case "wrong":
      return Buffer.from(`{"type":"ports","report":1,"ports":[${"{},".repeat(345_000)}{}]}\n`);
  }
}

function mounts(source: string): string {
  return encode({ type: "mounts", sources: [source], ask: 1 });
}

function ports(taken: readonly number[], first: number, choosing: boolean): string {
  const port: PublishedPort = { protocol: "tcp", hostIp: "127.0.0.1", hostPort: 1, containerId: "c", container: "web" };
  const own = taken.map((hostPort) => ({ ...port, hostPort }));
  const nobodys = Array.from({ length: reportedPorts }, (_, index) => ({
    ...port,
    hostIp: "192.0.2.1",
    hostPort: first + index + 1,
  }));
  return encode({ type: "ports", report: 1, ports: [...own, ...nobodys], choosing });
}

function provision(running: number): string {
  const steps = [0, 1].map((index) => ({ state: index === running ? "running" : "waiting" }));
  return encode({ type: "provision", steps });
}
