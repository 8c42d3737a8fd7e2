/** What is read from resolv.conf, hosts and scutil, and who is asked for a name. */
import { expect, test } from "bun:test";
import { hostsIn, resolversIn, resolversOfScutil, serversFor } from "../../../../src/host/names/resolvers.ts";

test("resolv.conf's servers keep their order, comments and other words aside", () => {
  const text =
    "# nameserver 9.9.9.9\nsearch lan\nnameserver 192.0.2.1\n nameserver\t2001:db8::53\nnameserver [127.0.0.1]:5300\n";
  const servers = [
    { hostname: "192.0.2.1", port: 53 },
    { hostname: "2001:db8::53", port: 53 },
    { hostname: "127.0.0.1", port: 5300 },
  ];
  expect(resolversIn(text)).toEqual([{ domain: "", servers }]);
});

test("a resolv.conf that names no server means this machine", () => {
  expect(resolversIn("search lan\n")).toEqual([{ domain: "", servers: [{ hostname: "127.0.0.1", port: 53 }] }]);
});

/** As macOS prints it beside a VPN. */
const scutil = `DNS configuration

resolver #1
  search domain[0] : lan
  nameserver[0] : 192.168.1.1
  nameserver[1] : fd00::1
  if_index : 6 (en0)
  flags    : Request A records
  reach    : 0x00020002 (Reachable,Directly Reachable Address)

resolver #2
  domain   : corp.example
  nameserver[0] : 10.8.0.1
  port     : 5353
  flags    : Supplemental, Request A records
  order    : 101200

resolver #3
  domain   : local
  options  : mdns
  timeout  : 5
  order    : 300000

DNS configuration (for scoped queries)

resolver #1
  nameserver[0] : 203.0.113.1
  if_index : 6 (en0)
`;

test("macOS's resolvers are read with their domains, those of single interfaces and mDNS left out", () => {
  expect(resolversOfScutil(scutil)).toEqual([
    {
      domain: "",
      servers: [
        { hostname: "192.168.1.1", port: 53 },
        { hostname: "fd00::1", port: 53 },
      ],
    },
    { domain: "corp.example", servers: [{ hostname: "10.8.0.1", port: 5353 }] },
  ]);
});

test("a VPN's server is asked for names of its domain, the ordinary one for all others", () => {
  const first = (name: string): string | undefined => serversFor(name, resolversOfScutil(scutil))[0]?.hostname;
  expect(first("git.corp.example")).toBe("10.8.0.1");
  expect(first("corp.example")).toBe("10.8.0.1");
  expect(first("notcorp.example")).toBe("192.168.1.1");
  expect(first("example")).toBe("192.168.1.1");
  expect(serversFor("a.test", [])).toEqual([]);
});

test("names at the host's loopback are at the host for the guest, and localhost is each machine's own", () => {
  const text =
    "127.0.0.1 localhost Localhost.localdomain\n::1 ip6-localhost\n127.0.1.1\tBox box.lan # mine\n192.0.2.9 nas\n2001:db8::9 nas\n::1 box\n";
  expect(Object.fromEntries(hostsIn(text, "10.0.2.2"))).toEqual({
    box: ["10.0.2.2"],
    "box.lan": ["10.0.2.2"],
    nas: ["192.0.2.9", "2001:db8::9"],
  });
});
