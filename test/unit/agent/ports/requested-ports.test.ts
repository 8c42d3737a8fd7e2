/** Which ports a container asks for. */
import { expect, test } from "bun:test";
import { fixedPortsOf, letsDockerChoose, type PortRequests } from "../../../../src/agent/ports/requested-ports.ts";

function request(bindings: PortRequests["HostConfig"]["PortBindings"], NetworkMode = "bridge"): PortRequests {
  return {
    Id: "f00d",
    Name: "/web",
    HostConfig: { NetworkMode, ...(bindings === undefined ? {} : { PortBindings: bindings }) },
  };
}

/** Fixed ports as "protocol hostIp hostPort>containerPort". */
function fixed(bindings: PortRequests["HostConfig"]["PortBindings"], NetworkMode?: string): string[] {
  return fixedPortsOf(request(bindings, NetworkMode)).map(
    ({ protocol, hostIp, hostPort, containerPort }) => `${protocol} ${hostIp || "any"} ${hostPort}>${containerPort}`,
  );
}

test("a port that is asked for by number is known with its container before that runs", () => {
  expect(fixedPortsOf(request({ "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "8080" }] }))).toEqual([
    {
      protocol: "tcp",
      hostIp: "127.0.0.1",
      hostPort: 8080,
      containerId: "f00d",
      container: "web",
      containerPort: 80,
    },
  ]);
});

test("every protocol and every kind of host address is kept as it was asked for", () => {
  const bindings = {
    "80/tcp": ["", "0.0.0.0", "::", "127.0.0.1", "::1", "192.0.2.7"].map((HostIp) => ({ HostIp, HostPort: "8080" })),
    "53/udp": [{ HostIp: "", HostPort: "5353" }],
    "9/sctp": [{ HostIp: "", HostPort: "9" }],
    // The API takes a port without a protocol for TCP.
    "443": [{ HostIp: "", HostPort: "65535" }],
  };
  expect(fixed(bindings).toSorted()).toEqual([
    "sctp any 9>9",
    "tcp 0.0.0.0 8080>80",
    "tcp 127.0.0.1 8080>80",
    "tcp 192.0.2.7 8080>80",
    "tcp :: 8080>80",
    "tcp ::1 8080>80",
    "tcp any 65535>443",
    "tcp any 8080>80",
    "udp any 5353>53",
  ]);
});

test("what Docker chooses itself is not known before the container runs", () => {
  for (const HostPort of ["", "0", "8000-8010", "-1", "65536", "1e3", "0x50", " 80", "http", "99999999999"]) {
    expect([HostPort, fixed({ "80/tcp": [{ HostIp: "", HostPort }] })]).toEqual([HostPort, []]);
  }
  expect([fixed(undefined), fixed(null), fixed({}), fixed({ "80/tcp": null, "81/tcp": [] })]).toEqual([[], [], [], []]);
});

test("a container without a network of its own publishes nothing, one in any network does", () => {
  const bindings = { "80/tcp": [{ HostIp: "", HostPort: "8080" }] };
  const modes = ["host", "none", "container:beef", "", "default", "bridge", "shop", "container", "hostile"];
  expect(modes.filter((mode) => fixed(bindings, mode).length > 0)).toEqual(modes.slice(3));
});

test("Docker chooses from its own for -P and for a port without a number, unless the network is not the container's", () => {
  const choosing = (HostPort: string | undefined, changes: Partial<PortRequests["HostConfig"]> = {}) => {
    const PortBindings = HostPort === undefined ? {} : { "80/tcp": [{ HostIp: "", HostPort }], "81/tcp": null };
    return letsDockerChoose({
      Id: "f00d",
      Name: "/web",
      HostConfig: { NetworkMode: "bridge", PortBindings, ...changes },
    });
  };
  expect(["", "0", "8000-8010", "8080", "08080"].map((each) => choosing(each))).toEqual([
    true,
    true,
    false,
    false,
    false,
  ]);
  expect([choosing(undefined), choosing(undefined, { PublishAllPorts: true })]).toEqual([false, true]);
  expect(
    ["host", "none", "container:web"].map((NetworkMode) => choosing("", { NetworkMode, PublishAllPorts: true })),
  ).toEqual([false, false, false]);
});

test("an address is told in Docker's own form; what is none is told as far as a report takes it, for the host to refuse", () => {
  const asked = ["0:0:0:0:0:0:0:1", "::ffff:192.0.2.7", "127.1", "x".repeat(100)];
  const told = fixedPortsOf(request({ "80/tcp": asked.map((HostIp) => ({ HostIp, HostPort: "8080" })) }));
  expect(told.map(({ hostIp }) => hostIp)).toEqual(["::1", "192.0.2.7", "127.1", "x".repeat(64)]);
});
