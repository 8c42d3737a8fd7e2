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
