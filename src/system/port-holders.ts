/** The door to everybody who holds a port of this machine, address by address. */
import { readdir, readFile, readlink } from "node:fs/promises";
import { heldSockets } from "./proc-net.ts";
import { findProgram, run } from "./process.ts";

/** Who holds a port, and where. A process of another user has no pid that this user may know. */
export type PortHolder = {
  readonly protocol: "tcp" | "udp";
  /** "0.0.0.0" and "::" are every address. */
  readonly addresses: readonly string[];
  readonly pid: number | undefined;
  readonly name: string | undefined;
  readonly command: readonly string[];
};

/** Everybody who listens on a TCP port or holds a UDP port, as far as this user may know. */
export async function holdersOfPort(port: number): Promise<PortHolder[]> {
  const found = process.platform === "linux" ? await socketsOnLinux(port) : await socketsByLsof(port);
  return grouped(found);
}

/** Who has each of these sockets of Linux open, by its inode; not those that another user's process has, or none. */
export async function holdersOfSockets(
  inodes: readonly string[],
): Promise<ReadonlyMap<string, { readonly pid: number; readonly name: string }>> {
  const owners = inodes.length === 0 ? new Map<string, number>() : await ownersOf(inodes.map(linkOf));
  const found = inodes.flatMap((inode) => {
    const pid = owners.get(linkOf(inode));
    return pid === undefined ? [] : [{ inode, pid }];
  });
  return new Map(
    await Promise.all(
      found.map(async ({ inode, pid }) => {
        const { name = "a program" } = await processOnLinux(pid);
        return [inode, { pid, name }] as const;
      }),
    ),
  );
}

// --- internal ---

/** A socket's link in /proc/PID/fd (proc(5)). */
function linkOf(inode: string): string {
  return `socket:[${inode}]`;
}

/** One socket that holds the port. */
type Held = Omit<PortHolder, "addresses"> & { readonly address: string };

async function socketsOnLinux(port: number): Promise<Held[]> {
  const holding = (await heldSockets()).filter((socket) => socket.port === port);
  const sockets = holding.map((socket) => ({ ...socket, link: linkOf(socket.inode) }));
  const owners = sockets.length === 0 ? new Map<string, number>() : await ownersOf(sockets.map(({ link }) => link));
  return await Promise.all(
    sockets.map(async ({ protocol, address, link }) => {
      const pid = owners.get(link);
      return { protocol, address, pid, ...(pid === undefined ? unknown : await processOnLinux(pid)) };
    }),
  );
}

const unknown = { name: undefined, command: [] };

/** The process that has each of these sockets open; the first one, when a child has it too. */
async function ownersOf(links: readonly string[]): Promise<Map<string, number>> {
  const owners = new Map<string, number>();
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const folder = `/proc/${name}/fd`;
    // Another user's process, or one that has ended meanwhile, shows nothing.
    const files = await readdir(folder).catch(() => []);
    const targets = await Promise.all(files.map((file) => readlink(`${folder}/${file}`).catch(() => "")));
    for (const link of targets) if (links.includes(link) && !owners.has(link)) owners.set(link, Number(name));
  }
  return owners;
}

async function processOnLinux(pid: number): Promise<Pick<Held, "name" | "command">> {
  const [name, command] = await Promise.all(
    ["comm", "cmdline"].map((file) => readFile(`/proc/${pid}/${file}`, "utf8").catch(() => "")),
  );
  return { name: name?.trim(), command: (command ?? "").split("\0").filter((word) => word !== "") };
}

/** lsof(8) in its form for programs: a line a field, p for pid, c for name, P for protocol, n for the address. */
async function socketsByLsof(port: number): Promise<Held[]> {
  if (findProgram("lsof") === undefined) return [];
  const { stdout } = await run(["lsof", "-nP", `-i:${port}`, "-FpcPnT"]);
  const held = heldInLsof(stdout, port);
  return await Promise.all(
    held.map(async (socket) => {
      const { stdout: command } = await run(["ps", "-o", "command=", "-p", `${socket.pid}`]);
      return { ...socket, command: command.trim().split(/\s+/) };
    }),
  );
}

/** The sockets in lsof's answer that hold the port: one end only in their name, and for TCP in the state LISTEN. */
export function heldInLsof(answer: string, port: number): Held[] {
  let pid: number | undefined;
  let name: string | undefined;
  let protocol = "";
  let address = "";
  const held: Held[] = [];
  const keep = (): void => {
    if (protocol !== "tcp" && protocol !== "udp") return;
    held.push({ protocol, address, pid, name, command: [] });
  };
  for (const line of answer.split("\n")) {
    const value = line.slice(1);
    if (line.startsWith("p")) pid = Number(value);
    if (line.startsWith("c")) name = value;
    if (line.startsWith("P")) protocol = value.toLowerCase();
    if (line.startsWith("n")) {
      const isOurs = value.endsWith(`:${port}`) && !value.includes("->");
      address = value
        .slice(0, -`:${port}`.length)
        .replace(/^\[|\]$/g, "")
        .replace(/^\*$/, "0.0.0.0");
      if (isOurs && protocol === "udp") keep();
      if (!isOurs) address = "";
    }
    if (line === "TST=LISTEN" && address !== "") keep();
  }
  return held;
}

function grouped(sockets: readonly Held[]): PortHolder[] {
  const groups = new Map<string, PortHolder>();
  for (const { address, ...holder } of sockets) {
    const key = `${holder.protocol} ${holder.pid}`;
    const addresses = groups.get(key)?.addresses ?? [];
    groups.set(key, { ...holder, addresses: [...new Set([...addresses, address])] });
  }
  return [...groups.values()];
}
