/** One socket of this machine's behind a real gate, and both sides' ends of it. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SocketListeners } from "../../src/agent/files/sockets/listen.ts";
import { Gateway } from "../../src/host/gate/gateway.ts";
import { HostSockets } from "../../src/host/gate/host-sockets.ts";
import { GatePool } from "../../src/host/gate/pool.ts";
import type { HostMessage } from "../../src/protocol/messages.ts";
import { type Connection, listen } from "../../src/system/net/connection.ts";
import { realGate } from "./gates.ts";

/** The socket "s", a folder that stands for a share, and who serves in it. */
export type SocketScene = AsyncDisposable & {
  /** Guest and host both write to it. */
  readonly folder: string;
  /** The socket of the settings on this machine, and where a container finds it. */
  readonly path: string;
  readonly inContainer: string;
  readonly host: HostSockets;
  readonly listeners: SocketListeners;
  readonly warnings: string[];
  /** Everything that the host has answered. */
  readonly answers: HostMessage[];
  /** A server of this machine's, which ends with the scene. */
  serve(path: string, onConnection: (connection: Connection) => void): void;
  /** Asks as an agent with the secret may. */
  ask(name: string, client: number): void;
};

/** A gate, and both sides' ends of one socket "s" behind it. */
export async function socketScene({
  carriedMax,
  patienceMs,
}: { carriedMax?: number; patienceMs?: number } = {}): Promise<SocketScene> {
  const folder = await mkdtemp(join(tmpdir(), "qn-"));
  const path = join(folder, "s.sock");
  const warnings: string[] = [];
  const answers: HostMessage[] = [];
  const servers: { closeAll(): void }[] = [];
  const gateway = new Gateway();
  const host = new HostSockets(gateway, {
    sockets: [{ name: "s", path }],
    remedyFor: (other) => (other.startsWith(folder) && other !== path ? `remedy for ${other}` : undefined),
    tell: (text) => warnings.push(text.replaceAll(folder, "")),
    ...(carriedMax !== undefined && { carriedMax }),
  });
  const link = {
    onSocketRefused: (_client: number): void => {},
    askSocket(name: string, client?: number): boolean {
      host.hear({ type: "socket", name, client }, (answer) => {
        answers.push(answer);
        if (answer.type === "socket") link.onSocketRefused(answer.refused);
      });
      return true;
    },
  };
  const listeners = new SocketListeners(link, patienceMs);
  const [inContainer = ""] = listeners.listen([{ name: "s", paths: [] }], join(folder, "own"));
  const gate = realGate({ takeClient: (client) => listeners.take(client) });
  const pool = new GatePool(gate.key);
  gateway.use(pool);
  return {
    folder,
    path,
    inContainer,
    host,
    listeners,
    warnings,
    answers,
    serve: (at, onConnection) => void servers.push(listen({ unix: at }, onConnection)),
    ask: (name, client) => void link.askSocket(name, client),
    async [Symbol.asyncDispose]() {
      for (const server of servers) server.closeAll();
      listeners.close();
      pool.close();
      gateway.close();
      gate[Symbol.dispose]();
      await rm(folder, { recursive: true });
    },
  };
}
