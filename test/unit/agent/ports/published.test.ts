/** From Docker's list of containers to the published ports and where each is served. */
import { expect, test } from "bun:test";
import { keyOf, type PortSource, publishedPorts, type ServedPort } from "../../../../src/agent/ports/published.ts";

const id = "f00d".repeat(16);

function container(changes: Partial<PortSource> = {}): PortSource {
  return {
    Id: id,
    Names: ["/web"],
    Ports: [{ IP: "0.0.0.0", PrivatePort: 80, PublicPort: 8080, Type: "tcp" }],
    NetworkSettings: { Networks: { bridge: { IPAddress: "172.17.0.2" } } },
    ...changes,
  };
}

test("a published port leads to the container's own address and port", () => {
  expect(publishedPorts([container()])).toEqual([
    {
      protocol: "tcp",
      hostIp: "0.0.0.0",
      hostPort: 8080,
      containerId: id,
      container: "web",
      target: { hostname: "172.17.0.2", port: 80 },
    },
  ]);
});

test("a container whose networks are IPv6 only is served at its IPv6 address, any other at its IPv4 address", () => {
  const six = { IPAddress: "", GlobalIPv6Address: "fd00::2" };
  const both = { IPAddress: "172.18.0.2", GlobalIPv6Address: "fd01::2" };
  const targets = [{ six }, { six, both }, { both }, { none: { IPAddress: "", GlobalIPv6Address: "" } }].map(
    (Networks) => publishedPorts([container({ NetworkSettings: { Networks } })]).map(({ target }) => target.hostname),
  );
  expect(targets).toEqual([["fd00::2"], ["172.18.0.2"], ["172.18.0.2"], []]);
});

test("ports that are only exposed are not published", () => {
  const Ports = [{ IP: "", PrivatePort: 80, Type: "tcp" } as const];
  expect(publishedPorts([container({ Ports }), container({ Ports: [] })])).toEqual([]);
  expect(publishedPorts([])).toEqual([]);
});

test("one report is the same in whatever order Docker lists it", () => {
  const one = container({
    Ports: [
      { IP: "::", PrivatePort: 80, PublicPort: 8080, Type: "tcp" },
      { IP: "0.0.0.0", PrivatePort: 80, PublicPort: 8080, Type: "tcp" },
      { IP: "0.0.0.0", PrivatePort: 53, PublicPort: 53, Type: "udp" },
    ],
  });
  const two = container({
    Names: ["/db"],
    Ports: [{ IP: "127.0.0.1", PrivatePort: 5432, PublicPort: 5432, Type: "tcp" }],
    NetworkSettings: { Networks: { shop: { IPAddress: "172.18.0.3" } } },
  });
  const keys = publishedPorts([one, two]).map(keyOf);
  expect(keys).toHaveLength(4);
  expect(publishedPorts([two, { ...one, Ports: one.Ports.toReversed() }]).map(keyOf)).toEqual(keys);
});

test("a container of many networks is reached by the first address that it has", () => {
  const Networks = {
    alias: { IPAddress: "" },
    backend: { IPAddress: "172.19.0.4" },
    frontend: { IPAddress: "172.20.0.5" },
  };
  expect(publishedPorts([container({ NetworkSettings: { Networks } })]).map(({ target }) => target)).toEqual([
    { hostname: "172.19.0.4", port: 80 },
  ]);
});

test("a container without an address serves nobody", () => {
  const without = [
    container({ NetworkSettings: { Networks: {} } }),
    container({ NetworkSettings: { Networks: { none: { IPAddress: "" } } } }),
    container({ NetworkSettings: undefined }),
  ];
  expect(publishedPorts(without)).toEqual([]);
});

test("an IPv6 publish of a container is served at its IPv4 address all the same", () => {
  const Ports = [{ IP: "::1", PrivatePort: 80, PublicPort: 8080, Type: "tcp" } as const];
  expect(publishedPorts([container({ Ports })]).map(({ hostIp, target }) => [hostIp, target.hostname])).toEqual([
    ["::1", "172.17.0.2"],
  ]);
});

test("a container without a name is called by the beginning of its id", () => {
  expect(publishedPorts([container({ Names: [] })]).map(({ container }) => container)).toEqual(["f00df00df00d"]);
});

test("what tells ports apart is the protocol, the address and the number together", () => {
  const ports = [
    { protocol: "tcp", hostIp: "::", hostPort: 1 },
    { protocol: "udp", hostIp: "::", hostPort: 1 },
    { protocol: "tcp", hostIp: "::1", hostPort: 1 },
    { protocol: "tcp", hostIp: "::", hostPort: 11 },
  ] as const;
  expect(new Set(ports.map(keyOf)).size).toBe(4);
});

test("an IPv6 port that Docker has left out of its list is put back from what was asked for, and nothing else is", () => {
  const asked = (HostIp: string, HostPort: string) => ({ HostIp, HostPort });
  const request = {
    Id: id,
    Name: "/web",
    HostConfig: {
      NetworkMode: "bridge",
      PortBindings: {
        "80/tcp": [asked("127.0.0.1", "8080"), asked("::", "8080"), asked("::1", "8081"), asked("::1", "")],
        "81/tcp": [asked("::1", "8082-8084"), asked("10.1.2.3", "8085"), asked("", "8086")],
        "53/udp": [asked("fd00::1", "53")],
      },
    },
  };
  const Ports = [
    { IP: "127.0.0.1", PrivatePort: 80, PublicPort: 8080, Type: "tcp" },
    { IP: "::", PrivatePort: 80, PublicPort: 8080, Type: "tcp" },
    { IP: "", PrivatePort: 53, Type: "udp" },
  ] as const;
  const containers = [container({ Ports })];
  const told = (ports: readonly ServedPort[]) =>
    ports.map((port) => `${keyOf(port)} ${port.container} ${port.target.hostname} ${port.target.port}`);
  expect(told(publishedPorts(containers, new Map([[id, request]])))).toEqual([
    "tcp :: 8080 web 172.17.0.2 80",
    "tcp ::1 8081 web 172.17.0.2 80",
    "tcp 127.0.0.1 8080 web 172.17.0.2 80",
    "udp fd00::1 53 web 172.17.0.2 53",
  ]);
  const others = new Map([["beef", { ...request, Id: "beef" }]]);
  expect(publishedPorts(containers, others)).toHaveLength(2);
  const without = [container({ Ports, NetworkSettings: undefined })];
  expect(publishedPorts(without, new Map([[id, request]]))).toEqual([]);
});
