/** A folder that qn serves and this machine mounts, as host and guest have it, and a real gate between both. */
import { chmod, readdir } from "node:fs/promises";
import { join } from "node:path";
import { reachMountSocket } from "../../src/agent/files/sockets/reach.ts";
import { Gateway } from "../../src/host/gate/gateway.ts";
import { openMountSocket } from "../../src/host/gate/mount-sockets.ts";
import { GatePool } from "../../src/host/gate/pool.ts";
import { connect, type Connection, listen } from "../../src/system/net/connection.ts";
import { newFolder } from "./folder.ts";
import { type FuseMount, inFuseMount } from "./fuse-mount.ts";
import { realGate } from "./gates.ts";
import { receive } from "./streams.ts";
import { until } from "./until.ts";

type Server = { closeAll(): void };

/** The mount, and the supervisor's end. */
export type MountSocketScene = FuseMount & {
  /** Why clients were turned away. */
  readonly refusals: string[];
  /** A server in a container, which ends with the scene. */
  readonly serve: (path: string, onConnection: (connection: Connection) => void) => Server;
  /** The supervisor dies, and another one comes. */
  readonly supervisorDies: () => void;
  readonly supervisorComes: () => Promise<void>;
};

/** Serves a folder as an ordinary user, whose sockets answer this machine. */
export async function inMountSocketScene(
  use: (scene: MountSocketScene) => Promise<void>,
  { uid }: { readonly uid?: number } = {},
): Promise<void> {
  await using aside = await newFolder();
  await chmod(aside.path, 0o755);
  const door = join(aside.path, "mount.sock");
  const refusals: string[] = [];
  const flags = ["--lifetime-ms=0", `--answer=${door}`, "--tag=qn0"];
  await inFuseMount(
    async (mount) => {
      using ends = new DisposableStack();
      const shares = [{ tag: "qn0", path: mount.at, folder: mount.at, readOnly: false }];
      const gate = ends.use(realGate({ reachMountSocket: async (socket) => await reachMountSocket(shares, socket) }));
      const gateway = ends.adopt(new Gateway(), (each) => each.close());
      gateway.use(ends.adopt(new GatePool(gate.key), (each) => each.close()));
      let supervisor: Server | undefined;
      const supervisorComes = async (): Promise<void> => {
        supervisor = openMountSocket(door, gateway, (reason) => refusals.push(reason));
        // The server of the mount is another user here.
        await chmod(door, 0o666);
      };
      await supervisorComes();
      ends.defer(() => supervisor?.closeAll());
      await use({
        ...mount,
        refusals,
        supervisorDies: () => supervisor?.closeAll(),
        supervisorComes,
        serve(path, onConnection) {
          const server = listen({ unix: path }, onConnection);
          ends.defer(() => server.closeAll());
          return server;
        },
      });
    },
    // As many as a process may have at least on a machine of today: a thousand clients take two thousand.
    { flags, openFilesMax: 4096, ...(uid !== undefined && { uid }) },
  );
}

/** Says something at a socket; what came back until the end, or the error. */
export async function sayAt(path: string, words: string): Promise<string> {
  let client: Connection;
  try {
    client = await connect({ unix: path });
  } catch (error) {
    const { code } = error as { code?: unknown };
    // Hung up on before the runtime has told of the connection.
    return code === "ECONNRESET" ? "" : String(code);
  }
  const received = receive(client);
  client.write(words);
  client.end();
  await received.closed;
  return received.whole.toString();
}

/** Kills who works for a mount, by what only its command line has, and waits until another one does. */
export async function killWorker(part: string): Promise<void> {
  const workerOf = () => processOf(part, (command) => command.endsWith("--worker"));
  const before = await until("who works for the mount", 20_000, workerOf);
  process.kill(before, "SIGKILL");
  await until("another one", 20_000, async () => {
    const now = await workerOf();
    return now === before ? undefined : now;
  });
}

/** How many descriptors who holds the mount of a folder has open. */
export async function heldDescriptors(folder: string): Promise<number> {
  const isHolder = (command: string): boolean => command.includes(" virtiofs ") && !command.endsWith("--worker");
  const holder = await until("who holds the mount", 20_000, () => processOf(`--folder=${folder} `, isHolder));
  return (await readdir(`/proc/${holder}/fd`)).length;
}

// --- internal ---

async function processOf(part: string, isIt: (command: string) => boolean): Promise<number | undefined> {
  const table = await new Response(Bun.spawn(["ps", "-A", "-o", "pid=,args="]).stdout).text();
  const line = table.split("\n").find((each) => each.includes(part) && isIt(each));
  return line === undefined ? undefined : Number.parseInt(line.trim(), 10);
}
