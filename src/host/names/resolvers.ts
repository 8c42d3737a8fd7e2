/** Reads what a host's files and tools say about names: resolv.conf, hosts, and macOS's `scutil --dns`. */

/** Servers that know the names below `domain`; "" is every name. */
export type Resolver = {
  readonly domain: string;
  readonly servers: readonly { readonly hostname: string; readonly port: number }[];
};

/**
 * The servers of a resolv.conf, in its order; this machine itself where none is named (resolv.conf(5)). A server may
 * have a port, as `[127.0.0.1]:5300`.
 */
export function resolversIn(resolvConf: string): Resolver[] {
  const named = [...resolvConf.matchAll(/^\s*nameserver\s+(?:\[(\S+)\]:(\d+)|(\S+))/gm)];
  const servers = named.map(([, bracketed, port, plain]) => ({
    hostname: bracketed ?? plain ?? "",
    port: Number(port ?? dnsPort),
  }));
  return [{ domain: "", servers: servers.length === 0 ? [{ hostname: "127.0.0.1", port: dnsPort }] : servers }];
}

/**
 * The resolvers of macOS, which has some for single domains (VPN) beside the ordinary one: the output of `scutil --dns`
 * up to its second part, which is about single interfaces. Those without servers (mDNS) are left out.
 */
export function resolversOfScutil(output: string): Resolver[] {
  const [forAll = ""] = output.split(/^DNS configuration \(for scoped queries\)/m);
  return forAll
    .split(/^resolver #\d+/m)
    .slice(1)
    .map((part) => ({ value: (name: string) => new RegExp(`^\\s*${name}\\s*: (\\S+)`, "m").exec(part)?.[1], part }))
    .map(({ value, part }) => ({
      domain: (value("domain") ?? "").toLowerCase().replace(/\.$/, ""),
      order: Number(value("order") ?? 0),
      servers: [...part.matchAll(/^\s*nameserver\[\d+\] : (\S+)/gm)].map(([, hostname = ""]) => ({
        hostname,
        port: Number(value("port") ?? dnsPort),
      })),
    }))
    .filter(({ servers }) => servers.length > 0)
    .toSorted((a, b) => a.order - b.order)
    .map(({ domain, servers }) => ({ domain, servers }));
}

/** The servers to ask for `name`, the first one first: those of the longest domain that it is in. */
export function serversFor(name: string, resolvers: readonly Resolver[]): Resolver["servers"] {
  const fitting = resolvers.filter(({ domain }) => domain === "" || name === domain || name.endsWith(`.${domain}`));
  const length = Math.max(...fitting.map(({ domain }) => domain.length));
  return fitting.find(({ domain }) => domain.length === length)?.servers ?? [];
}

/**
 * The names of a hosts file (hosts(5)), as the guest is to see them: what is at the host's loopback is at `host` for
 * the guest, and `localhost` is each machine's own.
 */
export function hostsIn(text: string, host: string): ReadonlyMap<string, readonly string[]> {
  const hosts = new Map<string, string[]>();
  for (const line of text.split("\n")) {
    const [address = "", ...names] = (line.split("#")[0] ?? "").trim().split(/\s+/);
    for (const name of names.map((written) => written.toLowerCase().replace(/\.$/, ""))) {
      if (ownNames.test(name)) continue;
      const seen = isLoopback(address) ? host : address;
      const known = hosts.get(name) ?? [];
      hosts.set(name, known.includes(seen) ? known : [...known, seen]);
    }
  }
  return hosts;
}

// --- internal ---

const dnsPort = 53;

/** Names that mean something else on every machine. */
const ownNames = /^(localhost|.*\.localhost|localhost\..*|ip6-.*|broadcasthost)$/;

/** True for the loopback addresses of both families. */
function isLoopback(address: string): boolean {
  return address.startsWith("127.") || address === "::1";
}
