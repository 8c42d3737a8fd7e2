/** The light door to Docker's API, against a real server on a Unix socket. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { describeDocker, dockerApi } from "../../../src/system/docker-api.ts";
import { listen } from "../../../src/system/net/connection.ts";
import { failureOf } from "../../support/failures.ts";
import { fakeDocker } from "../../support/fake-docker.ts";
import { newFolder } from "../../support/folder.ts";

test("a list is reduced to what qn needs, whatever else Docker says", async () => {
  await using docker = await fakeDocker();
  docker.containers = [
    {
      Id: "f00d",
      Names: ["/web", "/shop/web"],
      Image: "nginx",
      Ports: [
        { PrivatePort: 443, Type: "tcp" },
        { IP: "::", PrivatePort: 80, PublicPort: 8080, Type: "tcp" },
      ],
      Mounts: [{ Type: "bind", Source: "/home/ann/src", Destination: "/src" }],
      NetworkSettings: { Networks: { bridge: { IPAddress: "172.17.0.2", Gateway: "172.17.0.1" }, none: {} } },
    },
    { Id: "beef", Names: [], Ports: [] },
  ];
  expect(await dockerApi(docker.socketPath).containers()).toEqual([
    {
      Id: "f00d",
      Names: ["/web", "/shop/web"],
      Ports: [
        { IP: "", PrivatePort: 443, Type: "tcp" },
        { IP: "::", PrivatePort: 80, PublicPort: 8080, Type: "tcp" },
      ],
      NetworkSettings: {
        Networks: {
          bridge: { IPAddress: "172.17.0.2", GlobalIPv6Address: "" },
          none: { IPAddress: "", GlobalIPv6Address: "" },
        },
      },
      Mounts: [{ Type: "bind", Source: "/home/ann/src" }],
    },
    { Id: "beef", Names: [], Ports: [], Mounts: [] },
  ]);
});

test("a daemon that closes whole sockets, and says nothing of it, is asked again and again", async () => {
  await using folder = await newFolder();
  const socketPath = join(folder.path, "docker.sock");
  let connections = 0;
  const listener = listen({ unix: socketPath }, (connection) => {
    connections += 1;
    connection.take({
      onData: () => {
        connection.write("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n[]");
        // As a client finds it whose last connection was kept: gone at once, or in a moment.
        if (connections % 2 === 0) connection.reset();
        else setImmediate(() => connection.reset());
      },
    });
  });
  try {
    const docker = dockerApi(socketPath);
    const ask = async (): Promise<void> => {
      for (let times = 0; times < 50; times += 1) expect(await docker.containers()).toEqual([]);
    };
    await Promise.all(Array.from({ length: 4 }, ask));
    expect(connections).toBeGreaterThan(100);
  } finally {
    listener.closeAll();
  }
});

test("the mounts and ports of a container are those it was made with, none when it has none", async () => {
  await using docker = await fakeDocker();
  docker.inspected["my web"] = {
    Id: "f00d",
    Name: "/my web",
    State: { Running: true },
    HostConfig: {
      NetworkMode: "shop",
      PortBindings: {
        "80/tcp": [{ HostIp: "::1", HostPort: "8080", Newer: 1 }, { HostPort: "8081" }, {}],
        "53/udp": null,
        "90/tcp": [],
      },
      Binds: ["/tmp/a:/a"],
      Mounts: [{ Type: "bind", Source: "/tmp/b", Target: "/b" }, { Type: "tmpfs" }],
    },
  };
  docker.inspected["bare"] = { Id: "beef", Name: "/bare", HostConfig: { Binds: null, PortBindings: null } };
  const api = dockerApi(docker.socketPath);
  expect([await api.details("my web"), await api.details("bare")]).toEqual([
    {
      Id: "f00d",
      Name: "/my web",
      State: { Running: true },
      HostConfig: {
        NetworkMode: "shop",
        PortBindings: {
          "80/tcp": [
            { HostIp: "::1", HostPort: "8080" },
            { HostIp: "", HostPort: "8081" },
            { HostIp: "", HostPort: "" },
          ],
          "53/udp": null,
          "90/tcp": [],
        },
        Binds: ["/tmp/a:/a"],
        Mounts: [
          { Type: "bind", Source: "/tmp/b" },
          { Type: "tmpfs", Source: "" },
        ],
      },
    },
    { Id: "beef", Name: "/bare", HostConfig: { NetworkMode: "", PortBindings: {}, Binds: [], Mounts: [] } },
  ]);
  expect(docker.requests).toEqual(["GET /containers/my%20web/json", "GET /containers/bare/json"]);
});

test("a container that is not there, a daemon that is unwell and one that is gone all fail", async () => {
  await using docker = await fakeDocker();
  const api = dockerApi(docker.socketPath);
  docker.containers = 500;
  const outcomes = [await settled(api.details("nobody")), await settled(api.containers())];
  await docker.stop();
  outcomes.push(await settled(api.ping()));
  expect(outcomes).toEqual(["rejected", "rejected", "rejected"]);
});

test("a container is ended by its name, whatever letters it has", async () => {
  await using docker = await fakeDocker();
  await dockerApi(docker.socketPath).kill("my web");
  expect(docker.requests).toEqual(["POST /containers/my%20web/kill"]);
});

test("proxy settings of the environment never touch the socket", async () => {
  await using docker = await fakeDocker();
  const program = `
    import { dockerApi } from ${JSON.stringify(`${import.meta.dir}/../../../src/system/docker-api.ts`)};
    await dockerApi(process.argv[1]).ping();
    console.log("answered");
  `;
  const proxy = "http://127.0.0.1:9";
  const child = Bun.spawn([process.execPath, "-e", program, docker.socketPath], {
    env: { ...process.env, HTTP_PROXY: proxy, HTTPS_PROXY: proxy, http_proxy: proxy, https_proxy: proxy },
    stdout: "pipe",
    stderr: "inherit",
  });
  expect(await child.stdout.text()).toBe("answered\n");
});

async function settled(promise: Promise<unknown>): Promise<string> {
  const [outcome] = await Promise.allSettled([promise]);
  return outcome.status;
}

test("a daemon is described by what comes with its answer to a ping, and one that is gone is a failure", async () => {
  await using docker = await fakeDocker();
  expect(await describeDocker(docker.socketPath)).toBe("Docker 26.1.5 (API 1.45)");
  expect(docker.requests).toEqual(["GET /_ping"]);
  await docker.stop();
  expect(await failureOf(() => describeDocker(docker.socketPath))).toMatchObject({
    code: "DOCKER_UNREACHABLE",
    message: expect.stringContaining(docker.socketPath),
  });
});

test("a daemon that is slow to describe itself is waited for, and no longer than it was given", async () => {
  await using folder = await newFolder();
  const socketPath = join(folder.path, "docker.sock");
  const { promise: late, resolve: answer } = Promise.withResolvers<void>();
  const headers = { server: "Docker/26.1.5 (linux)", "api-version": "1.45" };
  await using _server = Bun.serve({ unix: socketPath, fetch: () => late.then(() => new Response("OK", { headers })) });
  expect(await failureOf(() => describeDocker(socketPath, 50))).toMatchObject({ code: "DOCKER_UNREACHABLE" });
  const described = describeDocker(socketPath);
  answer();
  expect(await described).toBe("Docker 26.1.5 (API 1.45)");
}, 5_000);

test("a daemon whose answer never ends is known to answer, and no more of it is read", async () => {
  await using folder = await newFolder();
  const unix = join(folder.path, "docker.sock");
  let [sentBytes, status] = [0, 200];
  let ended = Promise.withResolvers<void>();
  const endless = (): ReadableStream<Uint8Array> =>
    new ReadableStream({
      pull(controller) {
        sentBytes += 65_536;
        controller.enqueue(new Uint8Array(65_536));
      },
      cancel: () => ended.resolve(),
    });
  const server = Bun.serve({
    unix,
    fetch: () =>
      new Response(endless(), { status, headers: { server: "Docker/26.1.5 (linux)", "api-version": "1.45" } }),
  });
  try {
    await dockerApi(unix).ping();
    await ended.promise;
    ended = Promise.withResolvers();
    expect(await describeDocker(unix)).toBe("Docker 26.1.5 (API 1.45)");
    await ended.promise;
    ended = Promise.withResolvers();
    status = 503;
    expect((await failureOf(() => describeDocker(unix))).message).toEndWith("it answers a ping with status 503.");
    await ended.promise;
    // What the kernel and both sides' buffers hold.
    expect(sentBytes).toBeLessThan(64 * 1024 ** 2);
  } finally {
    await server.stop(true);
  }
});
