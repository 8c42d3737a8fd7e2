/** The door to Linux' own tables of sockets: /proc/net/tcp and its like (proc(5)). */
import { readFile } from "node:fs/promises";

/** A socket that has a port for itself: it waits for clients or datagrams, or is a UDP socket with one peer. */
export type HeldSocket = {
  readonly protocol: "tcp" | "udp";
  readonly address: string;
  readonly port: number;
  readonly inode: string;
  readonly state: "waiting" | "connected";
};

/** All of them, of this network namespace, IPv4 first. Nothing where there are no such tables. */
export async function heldSockets(): Promise<HeldSocket[]> {
  const tables = (["tcp", "udp"] as const).flatMap((protocol) =>
    ["", "6"].map(async (family) => {
      const text = await readFile(`/proc/net/${protocol}${family}`, "utf8").catch(() => "");
      return heldSocketsIn(text, protocol);
    }),
  );
  return (await Promise.all(tables)).flat();
}

/** Those in one table. TCP connections are not in it: many share the port of one that listens. */
export function heldSocketsIn(table: string, protocol: HeldSocket["protocol"]): HeldSocket[] {
  return table.split("\n").flatMap((line) => {
    const row = line.trim().split(/\s+/);
    const state = states[protocol].get(row[3] ?? "");
    if (state === undefined) return [];
    const [address = "", port = ""] = (row[1] ?? "").split(":");
    return { protocol, address: addressIn(address), port: Number.parseInt(port, 16), inode: row[9] ?? "", state };
  });
}

/** How many TCP connections somebody has to this port of this network namespace, over IPv4 and IPv6. */
export async function connectionsAt(port: number): Promise<number> {
  const tables = ["/proc/net/tcp", "/proc/net/tcp6"].map((path) => readFile(path, "utf8").catch(() => ""));
  return (await Promise.all(tables)).reduce((sum, table) => sum + connectionsIn(table, port), 0);
}

/** The same in one table. */
export function connectionsIn(table: string, port: number): number {
  const end = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const rows = table.split("\n").map((line) => line.trim().split(/\s+/));
  return rows.filter(([, local = "", , state]) => state === established && local.endsWith(end)).length;
}

// --- internal ---

/** TCP_ESTABLISHED (include/net/tcp_states.h). */
const established = "01";

/**
 * The states that hold a port (include/net/tcp_states.h): LISTEN for TCP; for UDP CLOSE, which is unconnected, and
 * ESTABLISHED.
 */
const states: Readonly<Record<HeldSocket["protocol"], ReadonlyMap<string, HeldSocket["state"]>>> = {
  tcp: new Map([["0A", "waiting"]]),
  udp: new Map([
    ["07", "waiting"],
    ["01", "connected"],
  ]),
};

/** An address such as "0100007F": 32-bit words in the machine's byte order (proc(5)). */
function addressIn(hex: string): string {
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap((word) => Array.from(Buffer.from(word, "hex")).toReversed());
  if (bytes.length === 4) return bytes.join(".");
  const groups = Array.from({ length: 8 }, (_, index) =>
    (((bytes[2 * index] ?? 0) << 8) | (bytes[2 * index + 1] ?? 0)).toString(16),
  );
  // URLs write IPv6 addresses in their one short form (RFC 5952).
  return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
}
