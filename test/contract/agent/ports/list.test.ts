/** Listing what a real API says is published, and asking anew where its list may lack ports. */
import { expect, test } from "bun:test";
import { listPorts } from "../../../../src/agent/ports/list.ts";
import { keyOf } from "../../../../src/agent/ports/published.ts";
import { dockerApi } from "../../../../src/system/docker-api.ts";
import { fakeDocker } from "../../../support/fake-docker.ts";

function container(name: string, Ports: readonly object[]): object {
  const NetworkSettings = { Networks: { bridge: { IPAddress: "172.17.0.2" } } };
  return { Id: name, Names: [`/${name}`], Ports, NetworkSettings };
}

const http = { IP: "0.0.0.0", PrivatePort: 80, PublicPort: 8080, Type: "tcp" };
const exposed = { PrivatePort: 443, Type: "tcp" };

test("only containers whose list may lack ports are asked about, and one that is gone lacks none", async () => {
  await using docker = await fakeDocker();
  docker.containers = [container("web", [http]), container("tls", [exposed]), container("gone", [exposed])];
  docker.inspected["tls"] = {
    Id: "tls",
    Name: "/tls",
    HostConfig: { NetworkMode: "bridge", PortBindings: { "443/tcp": [{ HostIp: "::1", HostPort: "8443" }] } },
  };
  const ports = await listPorts(dockerApi(docker.socketPath));
  expect(ports.map((port) => [keyOf(port), port.container, port.target.port])).toEqual([
    ["tcp ::1 8443", "tls", 443],
    ["tcp 0.0.0.0 8080", "web", 80],
  ]);
  expect(docker.requests).toEqual(["GET /containers/json", "GET /containers/tls/json", "GET /containers/gone/json"]);
});

test("a daemon that refuses the list fails it", async () => {
  await using docker = await fakeDocker();
  docker.containers = 500;
  expect(await listPorts(dockerApi(docker.socketPath)).catch(() => "failed")).toBe("failed");
});
