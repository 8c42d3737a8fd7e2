/** The door to the rule of Linux about who may listen on low ports (ip-sysctl, capabilities(7)). */
import { readFile } from "node:fs/promises";

/** The kernel's own first port that everybody may listen on. */
const usualFirst = 1024;

/** CAP_NET_BIND_SERVICE, as a bit of the effective set. */
const bindService = 1n << 10n;

/** The files that say it. */
const files = { first: "/proc/sys/net/ipv4/ip_unprivileged_port_start", self: "/proc/self/status" };

/**
 * The first port that this process may listen on; 1 for whoever may listen on all, and where Linux' rule does not hold
 * (macOS lets everybody).
 */
export async function firstOwnPort(
  platform: NodeJS.Platform = process.platform,
  { first, self }: Readonly<typeof files> = files,
): Promise<number> {
  if (platform !== "linux") return 1;
  const [start, status] = await Promise.all([first, self].map((path) => readFile(path, "utf8").catch(() => "")));
  const capabilities = /^CapEff:\s*([0-9a-f]+)$/m.exec(status ?? "")?.[1];
  if (capabilities !== undefined && (BigInt(`0x${capabilities}`) & bindService) !== 0n) return 1;
  const given = Number.parseInt(start ?? "", 10);
  return Number.isNaN(given) ? usualFirst : Math.max(1, given);
}
