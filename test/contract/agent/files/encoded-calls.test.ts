/** Ways to write a call that dockerd takes for the making of a container: none of them is a way around the shares. */
import { expect, test } from "bun:test";
import { Containers } from "../../../../src/agent/docker/containers.ts";
import { inOrder } from "../../../../src/agent/docker/hooks.ts";
import { fileHooks } from "../../../../src/agent/files/hooks.ts";
import { dockerApi } from "../../../../src/system/docker-api.ts";
import { noSockets, testBoot } from "../../../support/boot.ts";
import { failureOf } from "../../../support/failures.ts";
import { fakeDocker } from "../../../support/fake-docker.ts";

const creates = [
  "/containers/create",
  "/v1.45/containers/create?name=web",
  "/containers%2fcreate",
  "/v1.45%2Fcontainers%2Fcreate",
  "/%63ontainers/creat%65",
  "HTTP://docker/containers/create",
  "unix:/containers/create",
];

for (const uri of creates) {
  test(`a folder that is not shared is refused to "POST ${uri}"`, async () => {
    await using docker = await fakeDocker();
    const hooks = inOrder([
      await fileHooks(testBoot(), new Containers(dockerApi(docker.socketPath)), noSockets, () => {}),
    ]);
    const body = { HostConfig: { Binds: ["/home/nobody/src:/src"] } };
    const refusal = await failureOf(async () => await hooks.beforeRequest({ method: "POST", uri, body }));
    expect(refusal.message).toStartWith('"/home/nobody/src" is not mounted from the host.');
  });
}

test("a folder that is not shared is refused to a start whose path is encoded", async () => {
  await using docker = await fakeDocker();
  docker.inspected["web"] = { Id: "f00d", Name: "/web", HostConfig: { Binds: ["/home/nobody/src:/src"] } };
  const hooks = inOrder([
    await fileHooks(testBoot(), new Containers(dockerApi(docker.socketPath)), noSockets, () => {}),
  ]);
  for (const uri of ["/containers/web%2fstart", "/containers%2fweb%2frestart"]) {
    const refusal = await failureOf(async () => await hooks.beforeRequest({ method: "POST", uri, body: undefined }));
    expect(refusal.message).toStartWith('"/home/nobody/src" is not mounted from the host.');
  }
});
