/** The door to who listens on a port of this machine. */
import { readdir, readFile, readlink } from "node:fs/promises";
import { findProgram, run } from "./process.ts";

/** A process that listens. `command` is its command line. */
export type PortOwner = { readonly pid: number; readonly name: string; readonly command: readonly string[] };

/**
 * Who listens on a port, as far as this user may know: other users' processes stay unknown. This process itself is
 * never meant: it may well listen on the port at another address.
 */
export async function ownerOfPort(protocol: Protocol, port: number): Promise<PortOwner | undefined> {
  return process.platform === "linux" ? await ownerOnLinux(protocol, port) : await ownerByLsof(protocol, port);
}

// --- internal ---

/** What has ports. Nobody can be asked who holds those of SCTP. */
type Protocol = "tcp" | "udp" | "sctp";

/**
 * How a socket that listens is marked in /proc/net/<protocol>, by the state's number (proc_net_tcp.txt of the kernel): 0A
 * is LISTEN. A UDP socket holds its port whether it speaks to anybody (07, CLOSE) or to one peer (01, ESTABLISHED).
 */
const listening: Record<Protocol, readonly string[]> = { tcp: ["0A"], udp: ["07", "01"], sctp: [] };

async function ownerOnLinux(protocol: Protocol, port: number): Promise<PortOwner | undefined> {
  const tables = await Promise.all(
    [`/proc/net/${protocol}`, `/proc/net/${protocol}6`].map((path) => readFile(path, "utf8").catch(() => "")),
  );
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  const inodes = tables
    .flatMap((table) => table.split("\n").slice(1))
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[1]?.endsWith(`:${hex}`) === true && listening[protocol].includes(fields[3] ?? ""))
    .map((fields) => `socket:[${fields[9] ?? ""}]`);
  if (inodes.length === 0) return undefined;
  const own = `${process.pid}`;
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name) && name !== own)) {
    if (await holds(pid, inodes)) return await describe(Number(pid));
  }
  return undefined;
}

async function holds(pid: string, inodes: readonly string[]): Promise<boolean> {
  const folder = `/proc/${pid}/fd`;
  // Another user's process, or one that has ended meanwhile, shows nothing.
  const names = await readdir(folder).catch(() => []);
  const links = await Promise.all(names.map((name) => readlink(`${folder}/${name}`).catch(() => "")));
  return links.some((link) => inodes.includes(link));
}

async function describe(pid: number): Promise<PortOwner> {
  const command = (await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => ""))
    .split("\0")
    .filter((word) => word !== "");
  const name = (await readFile(`/proc/${pid}/comm`, "utf8").catch(() => "")).trim();
  return { pid, name: name === "" ? "a process" : name, command };
}

/** Only TCP has a state in which it listens. */
const lsofStates: Record<Protocol, readonly string[]> = { tcp: ["-sTCP:LISTEN"], udp: [], sctp: [] };

/** lsof(8) in its form for programs: one field a line, p for the pid and c for the name. */
async function ownerByLsof(protocol: Protocol, port: number): Promise<PortOwner | undefined> {
  if (findProgram("lsof") === undefined) return undefined;
  const { stdout } = await run(["lsof", "-nP", `-i${protocol}:${port}`, ...lsofStates[protocol], "-Fpc"]);
  const pid = Number(/^p(\d+)$/m.exec(stdout)?.[1]);
  const name = /^c(.+)$/m.exec(stdout)?.[1];
  if (Number.isNaN(pid) || name === undefined) return undefined;
  const { stdout: command } = await run(["ps", "-o", "command=", "-p", `${pid}`]);
  return { pid, name, command: command.trim().split(/\s+/) };
}
