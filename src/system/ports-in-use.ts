/** The door to which ports of this machine are in use, whoever holds them: one look at all of them. */
import { readFile } from "node:fs/promises";
import { run } from "./process.ts";

/** The ports that somebody listens on with TCP or holds with UDP, at any address. */
export async function portsInUse(): Promise<ReadonlySet<number>> {
  if (process.platform !== "linux") {
    const { stdout } = await run(["netstat", "-an"]);
    return new Set(portsInNetstat(stdout));
  }
  const names = ["tcp", "tcp6", "udp", "udp6"];
  const tables = await Promise.all(
    names.map(async (name) => portsInProc(await readFile(`/proc/net/${name}`, "utf8").catch(() => ""))),
  );
  return new Set(tables.flat());
}

/** The ports in a table of /proc/net (proc(5)): 0A is a TCP socket that listens, 07 a UDP socket that is open. */
export function portsInProc(table: string): number[] {
  return table.split("\n").flatMap((line) => {
    const [, local = "", , state = ""] = line.trim().split(/\s+/);
    return state === "0A" || state === "07" ? [Number.parseInt(local.slice(local.lastIndexOf(":") + 1), 16)] : [];
  });
}

/** The ports in what BSD's netstat(1) shows: "tcp4 0 0 127.0.0.1.8080 *.* LISTEN" and "udp6 0 0 *.5353 *.*". */
export function portsInNetstat(text: string): number[] {
  return text.split("\n").flatMap((line) => {
    const [protocol = "", , , local = "", remote = "", state = ""] = line.trim().split(/\s+/);
    const isHeld = protocol.startsWith("udp") || (protocol.startsWith("tcp") && state === "LISTEN");
    const port = Number(local.slice(local.lastIndexOf(".") + 1));
    return isHeld && remote === "*.*" && port > 0 ? [port] : [];
  });
}
