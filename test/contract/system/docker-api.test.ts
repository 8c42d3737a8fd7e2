/** The light door to Docker's API, against a real server on a Unix socket. */
import { expect, test } from "bun:test";
import { dockerApi } from "../../../src/system/docker-api.ts";
import { fakeDocker } from "../../support/fake-docker.ts";

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
      NetworkSettings: { Networks: { bridge: { IPAddress: "172.17.0.2" }, none: { IPAddress: "" } } },
    },
    { Id: "beef", Names: [], Ports: [] },
  ]);
});

test("the mounts of a container are those it was made with, none when it has none", async () => {
  await using docker = await fakeDocker();
  docker.inspected["my web"] = {
    HostConfig: { Binds: ["/tmp/a:/a"], Mounts: [{ Type: "bind", Source: "/tmp/b", Target: "/b" }, { Type: "tmpfs" }] },
  };
  docker.inspected["bare"] = { HostConfig: { Binds: null } };
  const api = dockerApi(docker.socketPath);
  expect([await api.mounts("my web"), await api.mounts("bare")]).toEqual([
    {
      Binds: ["/tmp/a:/a"],
      Mounts: [
        { Type: "bind", Source: "/tmp/b" },
        { Type: "tmpfs", Source: "" },
      ],
    },
    { Binds: [], Mounts: [] },
  ]);
  expect(docker.requests).toEqual(["GET /containers/my%20web/json", "GET /containers/bare/json"]);
});

test("a container that is not there, a daemon that is unwell and one that is gone all fail", async () => {
  await using docker = await fakeDocker();
  const api = dockerApi(docker.socketPath);
  docker.containers = 500;
  const outcomes = [await settled(api.mounts("nobody")), await settled(api.containers())];
  await docker.stop();
  outcomes.push(await settled(api.ping()));
  expect(outcomes).toEqual(["rejected", "rejected", "rejected"]);
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
