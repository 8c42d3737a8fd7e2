/** Neighbours of the user's on this machine: who dials doors that are not theirs, and who holds a published port. */
import { readFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import type { Vm } from "./vm.ts";

/** Connections that are held open without a word. */
export type Held = Disposable & { readonly open: number; readonly greeted: number };

/** Between two calls of a stranger who was hung up on. */
const againMs = 100;

/** Holds as many connections as it gets at a port of the loopback; whoever is hung up on calls again when `again`. */
export async function hold(port: number, count: number, again: boolean): Promise<Held> {
  const sockets = new Set<Socket>();
  let isOver = false;
  let greeted = 0;
  const call = (onSettled: () => void): void => {
    const socket = connect({ host: "127.0.0.1", port });
    sockets.add(socket);
    socket.on("connect", onSettled);
    socket.once("data", () => (greeted += 1));
    // An end is answered with one.
    socket.resume();
    socket.on("error", onSettled);
    socket.on("close", () => {
      sockets.delete(socket);
      if (again && !isOver) setTimeout(() => isOver || call(() => {}), againMs);
    });
  };
  await Promise.all(Array.from({ length: count }, () => new Promise<void>(call)));
  return {
    get open() {
      return sockets.size;
    },
    get greeted() {
      return greeted;
    },
    [Symbol.dispose]() {
      isOver = true;
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** The port of this machine that leads to the VM's gate. */
export async function gatePortOf(vm: Vm): Promise<number> {
  const boot: unknown = JSON.parse(await readFile(join(vm.folder, "boot.json"), "utf8"));
  if (typeof boot === "object" && boot !== null && "gatePort" in boot && typeof boot.gatePort === "number") {
    return boot.gatePort;
  }
  throw new Error("There is no gate's port in boot.json.");
}
