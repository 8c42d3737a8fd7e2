/** The commands' door to Docker, against a real server on a Unix socket. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { askedPorts, listContainers } from "../../../src/system/docker.ts";
import { failureOf } from "../../support/failures.ts";
import { fakeDocker } from "../../support/fake-docker.ts";
import { newFolder } from "../../support/folder.ts";

test("every container is listed by its own name, with what it publishes and mounts", async () => {
  await using docker = await fakeDocker();
  docker.containers = [
    {
      Id: "f00d",
      Names: ["/shop/db", "/web"],
      State: "running",
      Ports: [
        { PrivatePort: 443, Type: "tcp" },
        { IP: "::", PrivatePort: 80, PublicPort: 8080, Type: "tcp" },
      ],
      HostConfig: { NetworkMode: "host" },
      Mounts: [
        { Type: "volume", Name: "data", Source: "/var/lib/docker/volumes/data", Destination: "/data", RW: true },
        { Type: "bind", Source: "/tmp/x", Destination: "/x", Mode: "ro", RW: false },
        { Type: "tmpfs", Destination: "/scratch", RW: true },
      ],
    },
    { Id: "beef00000000aaaa", Names: [], State: "exited", Ports: [], Mounts: [] },
  ];
  expect(await listContainers(docker.socketPath)).toEqual([
    {
      id: "f00d",
      name: "web",
      state: "running",
      network: "host",
      ports: [{ protocol: "tcp", hostIp: "::", hostPort: 8080, port: 80 }],
      binds: [{ source: "/tmp/x", destination: "/x", readOnly: true }],
    },
    { id: "beef00000000aaaa", name: "beef00000000", state: "exited", network: "", ports: [], binds: [] },
  ]);
  expect(docker.requests).toEqual(["GET /containers/json?all=true"]);
});

test("the ports that containers were made to publish come in order; one that has gone publishes nothing", async () => {
  await using docker = await fakeDocker();
  const any = { HostIp: "", HostPort: "" };
  for (let index = 0; index < 20; index += 1) {
    const port = [{ HostIp: "127.0.0.1", HostPort: `${8000 + index}` }];
    docker.inspected[`c${index}`] = {
      HostConfig: { PortBindings: { "80/tcp": port, "53/udp": [any], "9/tcp": null } },
    };
  }
  docker.inspected["none"] = { HostConfig: { PortBindings: null } };
  const ids = [...Array.from({ length: 20 }, (_, index) => `c${index}`), "gone", "none"];
  expect(await askedPorts(docker.socketPath, ids)).toEqual([
    ...Array.from({ length: 20 }, (_, index) => [
      { protocol: "tcp" as const, hostIp: "127.0.0.1", hostPorts: `${8000 + index}`, port: 80 },
      { protocol: "udp" as const, hostIp: "", hostPorts: "", port: 53 },
    ]),
    [],
    [],
  ]);
});

test("a Docker whose answers never end costs a command little memory, whatever status they have", async () => {
  await using folder = await newFolder();
  const unix = join(folder.path, "docker.sock");
  const piece = new Uint8Array(65_536).fill(32);
  let [sentBytes, status] = [0, 200];
  const endless = (): ReadableStream<Uint8Array> =>
    new ReadableStream({
      pull(controller) {
        sentBytes += piece.length;
        controller.enqueue(piece);
      },
    });
  await using _server = Bun.serve({ unix, fetch: () => new Response(endless(), { status }) });
  for (status of [200, 404, 418, 500]) {
    sentBytes = 0;
    const { code, message } = await failureOf(() => listContainers(unix));
    expect([status, code, message]).toEqual([
      status,
      "DOCKER_UNREACHABLE",
      `Docker does not answer at ${unix}: its answer has more than 64 MiB.`,
    ]);
    // What the kernel and both sides' buffers hold comes on top.
    expect(sentBytes).toBeLessThan(128 * 1024 ** 2);
  }
});

test("a Docker that stops in the middle of its answer is waited for no longer than it was given", async () => {
  await using folder = await newFolder();
  const unix = join(folder.path, "docker.sock");
  const begun = (): ReadableStream<string> => new ReadableStream({ start: (controller) => controller.enqueue("[") });
  await using _server = Bun.serve({ unix, fetch: () => new Response(begun()) });
  expect((await failureOf(() => listContainers(unix, 200))).code).toBe("DOCKER_UNREACHABLE");
}, 5_000);

test("a Docker that is not there, is unwell or says nonsense is a failure with its socket's path", async () => {
  await using docker = await fakeDocker();
  const { socketPath } = docker;
  for (const nonsense of [500, { web: true }, [{ Id: 7 }]]) {
    docker.containers = nonsense;
    expect(await failureOf(() => listContainers(socketPath))).toMatchObject({
      code: "DOCKER_UNREACHABLE",
      message: expect.stringContaining(socketPath),
    });
  }
  await docker.stop();
  expect(await failureOf(() => askedPorts(socketPath, ["web"]))).toMatchObject({ code: "DOCKER_UNREACHABLE" });
});
