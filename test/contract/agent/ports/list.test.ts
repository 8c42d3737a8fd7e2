/** Listing what a real API says is published, with the ports that its list leaves out. */
import { expect, test } from "bun:test";
import { Containers } from "../../../../src/agent/docker/containers.ts";
import { portLister } from "../../../../src/agent/ports/list.ts";
import { keyOf, type ServedPort } from "../../../../src/agent/ports/published.ts";
import { dockerApi } from "../../../../src/system/docker-api.ts";
import { fakeDocker } from "../../../support/fake-docker.ts";

function container(name: string, Ports: readonly object[]): object {
  const NetworkSettings = { Networks: { bridge: { IPAddress: "172.17.0.2" } } };
  return { Id: name, Names: [`/${name}`], Ports, NetworkSettings };
}

/** What Docker says of a container that was asked to publish this port of ::1. */
function details(name: string, HostPort: string): object {
  const PortBindings = { "443/tcp": [{ HostIp: "::1", HostPort }] };
  return { Id: name, Name: `/${name}`, HostConfig: { NetworkMode: "bridge", PortBindings } };
}

const http = { IP: "0.0.0.0", PrivatePort: 80, PublicPort: 8080, Type: "tcp" };
const exposed = { PrivatePort: 443, Type: "tcp" };

function told(ports: readonly ServedPort[]): string[] {
  return ports.map((port) => `${keyOf(port)} ${port.container} ${port.target.port}`);
}

test("each container with ports is asked about once in its life, or until it answers", async () => {
  await using docker = await fakeDocker();
  docker.containers = [container("web", [http]), container("tls", [exposed]), container("job", [])];
  docker.inspected["tls"] = details("tls", "8443");
  const list = portLister(new Containers(dockerApi(docker.socketPath)));
  const whole = ["tcp ::1 8443 tls 443", "tcp 0.0.0.0 8080 web 80"];
  expect([told(await list()), told(await list())]).toEqual([whole, whole]);
  // Docker does not know "web" any more, which publishes what the list says and is asked about again.
  expect(docker.requests.toSorted()).toEqual([
    "GET /containers/json",
    "GET /containers/json",
    "GET /containers/tls/json",
    "GET /containers/web/json",
    "GET /containers/web/json",
  ]);
});

test("a container that has gone is forgotten, and asked about anew when it is back", async () => {
  await using docker = await fakeDocker();
  const list = portLister(new Containers(dockerApi(docker.socketPath)));
  const lists = [];
  for (const HostPort of ["8443", "", "8444"]) {
    docker.containers = HostPort === "" ? [] : [container("tls", [exposed])];
    docker.inspected["tls"] = details("tls", HostPort);
    lists.push(told(await list()));
  }
  expect(lists).toEqual([["tcp ::1 8443 tls 443"], [], ["tcp ::1 8444 tls 443"]]);
});

test("a daemon that refuses the list fails it", async () => {
  await using docker = await fakeDocker();
  docker.containers = 500;
  expect(await portLister(new Containers(dockerApi(docker.socketPath)))().catch(() => "failed")).toBe("failed");
});

test("services of a swarm publish what they have asked for and what the swarm has chosen, at every node, while there is a swarm", async () => {
  await using docker = await fakeDocker();
  docker.containers = [container("web", [http])];
  const api = dockerApi(docker.socketPath);
  const service = (ID: string, Name: string, asked: readonly object[], chosen?: readonly object[]): object => ({
    ID,
    Spec: { Name, EndpointSpec: { Ports: asked } },
    ...(chosen && { Endpoint: { Ports: chosen } }),
  });
  docker.services = [
    service("s1", "shop", [{ Protocol: "tcp", TargetPort: 80, PublishedPort: 18070, PublishMode: "ingress" }]),
    service(
      "s2",
      "dns",
      [{ Protocol: "udp", TargetPort: 53 }],
      [{ Protocol: "udp", TargetPort: 53, PublishedPort: 30000 }],
    ),
    // The containers of this one publish by themselves.
    service("s3", "each", [{ Protocol: "tcp", TargetPort: 80, PublishedPort: 8081, PublishMode: "host" }]),
    service("s4", "none", []),
    { ID: "s5", Spec: { Name: "bare" } },
  ];
  const list = portLister(new Containers(api), { docker: api, record: import.meta.path });
  expect(told(await list())).toEqual([
    "tcp 0.0.0.0 8080 web 80",
    "tcp 0.0.0.0 18070 shop 18070",
    "udp 0.0.0.0 30000 dns 30000",
  ]);
  expect((await list()).slice(1)[0]).toEqual({
    protocol: "tcp",
    hostIp: "0.0.0.0",
    hostPort: 18_070,
    containerId: "s1",
    container: "shop",
    source: "swarm",
    target: { hostname: "127.0.0.1", port: 18_070 },
  });
  // A node that manages nothing is refused, and containers count all the same.
  docker.services = 503;
  expect(told(await list())).toEqual(["tcp 0.0.0.0 8080 web 80"]);
  const asked = docker.requests.length;
  await portLister(new Containers(api), { docker: api, record: `${import.meta.path}.none` })();
  expect(docker.requests.slice(asked).filter((request) => request.includes("services"))).toEqual([]);
});
