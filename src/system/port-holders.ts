/** The door to everybody who holds a port of this machine, address by address. */
import { readdir, readFile, readlink } from "node:fs/promises";
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

/** The addresses in a line of /proc/net/tcp or tcp6, such as "0100007F": 32-bit words in the host's byte order (proc(5)). */
export function addressInProc(hex: string): string {
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap((word) => Array.from(Buffer.from(word, "hex")).toReversed());
  if (bytes.length === 4) return bytes.join(".");
  const groups = Array.from({ length: 8 }, (_, index) =>
    (((bytes[2 * index] ?? 0) << 8) | (bytes[2 * index + 1] ?? 0)).toString(16),
  );
  // URLs write IPv6 addresses in their one short form (RFC 5952).
  return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
}

// --- internal ---

/** One socket that holds the port. */
type Held = Omit<PortHolder, "addresses"> & { readonly address: string };

/** The states that hold a port: LISTEN for TCP; for UDP both CLOSE (unconnected) and ESTABLISHED. */
const states = { tcp: ["0A"], udp: ["07", "01"] } as const satisfies Record<PortHolder["protocol"], readonly string[]>;

async function socketsOnLinux(port: number): Promise<Held[]> {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const tables = await Promise.all(
    (["tcp", "udp"] as const).flatMap((protocol) =>
      ["", "6"].map(async (family) => {
        const text = await readFile(`/proc/net/${protocol}${family}`, "utf8").catch(() => "");
        const rows = text.split("\n").map((line) => line.trim().split(/\s+/));
        const known: readonly string[] = states[protocol];
        return rows
          .filter((row) => row[1]?.endsWith(suffix) === true && known.includes(row[3] ?? ""))
          .map((row) => ({
            protocol,
            address: addressInProc((row[1] ?? "").slice(0, -suffix.length)),
            link: `socket:[${row[9] ?? ""}]`,
          }));
      }),
    ),
  );
  const sockets = tables.flat();
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
