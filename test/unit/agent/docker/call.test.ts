/** Which call of Docker's API a request is: the same for everybody in the agent, and the same as for dockerd. */
import { expect, test } from "bun:test";
import { callOf, type DockerCall } from "../../../../src/agent/docker/call.ts";
import { bindSourcesOf } from "../../../../src/agent/docker/mounts.ts";

/** "POST /containers/web/start" as "start web". */
function told(request: string, body?: unknown): string {
  const [, method = "", uri = ""] = /^(\S*) (.*)$/s.exec(request) ?? [];
  const call: DockerCall = callOf({ method, uri, body });
  return "id" in call ? `${call.kind} ${call.id}` : call.kind;
}

function toldAll(requests: readonly string[]): Record<string, string> {
  return Object.fromEntries(requests.map((request) => [request, told(request)]));
}

test("every call that the agent goes by is recognised in every version of the API", () => {
  const calls = {
    "POST /containers/create": "create",
    "POST /v1.24/containers/create?name=web&platform=linux%2Famd64": "create",
    "POST /v1.45/containers/create": "create",
    "POST /containers/f00d/start": "start f00d",
    "POST /v1.45/containers/web/start?detachKeys=ctrl-p": "start web",
    "POST /v1.45/containers/my%20web/restart?t=3": "start my web",
    "POST /v1.9/containers/web/restart": "start web",
    "POST /v1.45/containers/web/stop?t=0": "stop web",
    "POST /containers/web/kill?signal=9": "kill web",
    "POST /v1.45/containers/web/wait?condition=removed": "wait web",
    "POST /containers/web/pause": "pause web",
    "POST /containers/web/unpause": "unpause web",
    "POST /containers/web/rename?name=other": "rename web",
    "POST /containers/web/update": "update web",
    "DELETE /v1.45/containers/web?force=1": "remove web",
    "GET /v1.45/containers/web/archive?path=%2Fx": "archive web",
    "HEAD /containers/web/archive": "archive web",
    "PUT /containers/web/archive": "archive web",
    "POST /v1.45/exec/f00d/start": "exec-start f00d",
    "POST /networks/shop/connect": "connect shop",
    "POST /v1.45/networks/shop/disconnect": "disconnect shop",
    "POST /v1.45/containers/prune?filters=x": "prune",
    "POST /v1.45/volumes/create": "volume",
    "POST /v1.45/services/create": "swarm",
    "POST /services/web/update?version=7": "swarm",
    "DELETE /v1.45/services/web": "swarm",
    "POST /swarm/leave?force=1": "swarm",
    "POST /containers/%C3%BC/start": "start ü",
  };
  expect(toldAll(Object.keys(calls))).toEqual(calls);
});

test("a path is what it is once it is decoded, as dockerd routes it", () => {
  const calls = {
    "POST /containers%2fcreate": "create",
    "POST /containers%2Fcreate?name=web": "create",
    "POST /v1.45%2Fcontainers%2Fcreate": "create",
    "POST /%76%31.45/%63ontainers/creat%65": "create",
    "POST %2Fcontainers/create": "create",
    "POST /containers/web%2fstart": "start web",
    "POST /containers%2Fweb%2Frestart": "start web",
    "POST /exec%2ff00d%2fstart": "exec-start f00d",
    "DELETE /containers%2fweb": "remove web",
    "POST /networks%2fshop/connect": "connect shop",
    // Once only: what is still encoded then is a part of a name.
    "POST /containers%252fcreate": "other",
    "POST /containers/a%252fb/start": "start a%2fb",
    // Neither a question mark nor a plus sign that is encoded ends or spaces anything.
    "POST /containers/create%3Fname=web": "other",
    "POST /containers/a+b/start": "start a+b",
  };
  expect(toldAll(Object.keys(calls))).toEqual(calls);
});

test("a name may have slashes in it, as an alias of a linked container has", () => {
  const calls = {
    "POST /v1.45/containers/shop/db/start": "start shop/db",
    "POST /v1.45/containers/shop%2Fdb/stop": "stop shop/db",
    "POST /containers/web/exec/start": "start web/exec",
    "DELETE /containers/web/start": "remove web/start",
    "DELETE /containers/shop/db?link=1": "remove shop/db",
  };
  expect(toldAll(Object.keys(calls))).toEqual(calls);
});

test("a whole URL is its path, whatever scheme and host are named", () => {
  const calls = {
    "POST http://localhost/v1.45/containers/web/start": "start web",
    "POST https://plugin.moby.localhost/containers/create": "create",
    "POST HTTP://LOCALHOST/containers/create": "create",
    "POST unix://%2Frun%2Fdocker.sock/containers/create": "create",
    "POST x-1+y.z:/containers/create": "create",
    "POST http://host?x=/containers/create": "other",
    "POST http:containers/create": "other",
  };
  expect(toldAll(Object.keys(calls))).toEqual(calls);
});

test("every other call is left alone", () => {
  const calls = [
    "GET /v1.45/containers/create",
    "GET /containers/web/start",
    "PUT /containers/web/start",
    "HEAD /containers/web/start",
    // dockerd routes no method that is written otherwise.
    "post /containers/create",
    "Post /containers/web/start",
    "delete /containers/web",
    "GET /containers/json",
    "GET /containers/web/json",
    "GET /containers/prune",
    "POST /v1.45/containers/web/exec",
    "POST /containers/web/attach",
    "POST /containers/web/archive",
    "POST /v1.45/containers/start",
    "POST /v1.45/containers//start",
    "POST /v1.45/containers/create/",
    "POST /containers/web/start/",
    "DELETE /containers/",
    "DELETE /containers",
    "DELETE /images/web",
    "DELETE /networks/shop",
    "POST /exec/f00d/resize",
    "GET /exec/f00d/start",
    "GET /exec/f00d/json",
    "POST /networks/create",
    "POST /networks/web/stop",
    "POST /networks/web/start",
    "POST /networks//connect",
    "POST /constructor/web/includes",
    "POST /__proto__/web/start",
    "POST /v1.45/images/create?fromImage=/containers/create",
    "POST /v1.45/build?x=/containers/web/start",
    // A version is one only with something behind it, and only once.
    "POST /v1.45",
    "POST /v1.45/v1.45/containers/create",
    "POST /volumes/v1.45/containers/create",
    "POST /version/containers/create",
    "POST //containers/create",
    "POST /session",
    "POST ?x=/containers/create",
    "POST /",
    "POST //",
    "OPTIONS *",
    "POST ",
    " ",
  ];
  expect(Object.values(toldAll(calls)).filter((call) => call !== "other")).toEqual([]);
});

test("what is no address at all is Docker's to refuse", () => {
  const uris = ["//", "http://", "http://[", "/containers/%zz/start", "/containers/%ff/start", "/containers/web%", "%"];
  expect(uris.map((uri) => told(`POST ${uri}`))).toEqual(uris.map(() => "other"));
});

test("what a new container mounts is read from its body, and only when somebody asks", () => {
  const mountsOf = (body: unknown): unknown => {
    const call = callOf({ method: "POST", uri: "/containers/create", body });
    return call.kind === "create" ? call.mounts() : undefined;
  };
  expect(mountsOf({ Image: "x", HostConfig: { Binds: ["/tmp/a:/a"], NetworkMode: "host" } })).toEqual({
    Binds: ["/tmp/a:/a"],
    Mounts: [],
  });
  // To Docker null is nothing: what stands beside it is mounted.
  const Mounts = [{ Type: null, Source: null, BindOptions: null }, { Type: "bind", Source: "/tmp/b" }, {}];
  expect(mountsOf({ HostConfig: { Binds: null, Mounts } })).toMatchObject({
    Binds: [],
    Mounts: [{ Type: "" }, { Type: "bind", Source: "/tmp/b" }, { Source: "" }],
  });
  const strange = [undefined, null, 7, [], {}, { HostConfig: null }, { HostConfig: { Binds: "/tmp" } }];
  expect(strange.map(mountsOf)).toEqual(strange.map(() => ({})));
  let reads = 0;
  const request = {
    method: "POST",
    uri: "/containers/create",
    get body() {
      reads += 1;
      return {};
    },
  };
  const call = callOf(request);
  expect(reads).toBe(0);
  if (call.kind === "create") expect([call.mounts(), call.mounts(), reads]).toEqual([{}, {}, 1]);
});

test("names of fields are Docker's in any case, and words of a client's own stay as they are", () => {
  const body = {
    hostconfig: {
      BINDS: ["/tmp/a:/a"],
      mounts: [
        { TYPE: "bind", source: "/tmp/b" },
        { type: "volume", volumeOptions: { driverconfig: { options: { type: "none", o: "bind", device: "/tmp/c" } } } },
      ],
    },
  };
  const call = callOf({ method: "POST", uri: "/containers/create", body });
  expect("mounts" in call && bindSourcesOf(call.mounts()).map(({ path }) => path)).toEqual([
    "/tmp/a",
    "/tmp/b",
    "/tmp/c",
  ]);
});

test("what a volume and a service mount is read from their own words, and nothing from others", () => {
  const mountsOf = (uri: string, body: unknown): unknown => {
    const call = callOf({ method: "POST", uri, body });
    return "mounts" in call ? bindSourcesOf(call.mounts()) : call.kind;
  };
  const bound = { type: "none", o: "bind", device: "/tmp/x" };
  const source = [{ path: "/tmp/x", createMissing: false }];
  expect(mountsOf("/volumes/create", { Name: "v", DriverOpts: bound })).toEqual(source);
  expect(mountsOf("/v1.45/volumes/create", { Driver: "local", DriverOpts: { ...bound, o: "rw,rbind" } })).toEqual(
    source,
  );
  const Mounts = [{ Type: "bind", Source: "/tmp/x", Target: "/x" }];
  expect(mountsOf("/services/create", { Name: "s", TaskTemplate: { ContainerSpec: { Mounts } } })).toEqual(source);
  expect(mountsOf("/services/s/update?version=3", { TaskTemplate: { ContainerSpec: { Mounts } } })).toEqual(source);
  for (const [uri, body] of [
    ["/volumes/create", { DriverOpts: { type: "nfs", o: "addr=192.0.2.1", device: ":/tmp/x" } }],
    ["/volumes/create", { Driver: "other", DriverOpts: bound }],
    ["/volumes/create", { DriverOpts: { ...bound, o: "unbind,nobind" } }],
    ["/volumes/create", { DriverOpts: { ...bound, device: "relative" } }],
    ["/volumes/create", { DriverOpts: 7 }],
    ["/volumes/create", undefined],
    ["/services/create", { TaskTemplate: { ContainerSpec: { Mounts: null } } }],
    ["/services/create", { TaskTemplate: { NetworkAttachmentSpec: {} } }],
    ["/swarm/init", {}],
  ] as const) {
    expect(mountsOf(uri, body)).toEqual([]);
  }
});
