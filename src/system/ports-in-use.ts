/** The door to which ports of this machine are in use, whoever holds them: one look at all of them. */
import { heldSockets } from "./proc-net.ts";
import { run } from "./process.ts";

/** The ports that somebody listens on with TCP or holds with UDP, at any address. */
export async function portsInUse(): Promise<ReadonlySet<number>> {
  if (process.platform !== "linux") {
    const { stdout } = await run(["netstat", "-an"]);
    return new Set(portsInNetstat(stdout));
  }
  const waiting = (await heldSockets()).filter(({ state }) => state === "waiting");
  return new Set(waiting.map(({ port }) => port));
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
