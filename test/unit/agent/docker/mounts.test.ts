/** What a request of Docker's API is about to mount. */
import { expect, test } from "bun:test";
import { bindSourcesOf, entryOf, mountCallOf } from "../../../../src/agent/docker/mounts.ts";

test("the calls that mount are recognised in every version of the API", () => {
  const uris = [
    "/containers/create",
    "/v1.24/containers/create?name=web&platform=linux%2Famd64",
    "/v1.45/containers/create",
    "/containers/f00d/start",
    "/v1.45/containers/web/start?detachKeys=ctrl-p",
    "/v1.45/containers/my%20web/restart?t=3",
    "http://localhost/v1.45/containers/web/start",
  ];
  expect(uris.map((uri) => mountCallOf("POST", uri))).toEqual([
    { call: "create" },
    { call: "create" },
    { call: "create" },
    { call: "start", id: "f00d" },
    { call: "start", id: "web" },
    { call: "start", id: "my web" },
    { call: "start", id: "web" },
  ]);
});

test("every other call passes", () => {
  const calls = [
    ["GET", "/v1.45/containers/create"],
    ["DELETE", "/v1.45/containers/web/start"],
    ["POST", "/v1.45/containers/web/stop"],
    ["POST", "/v1.45/containers/web/exec"],
    ["POST", "/v1.45/exec/f00d/start"],
    ["POST", "/v1.45/containers/start"],
    ["POST", "/v1.45/containers//start"],
    ["POST", "/v1.45/containers/create/"],
    ["POST", "/v1.45/containers/a/b/start"],
    ["POST", "/v1.45/images/create?fromImage=/containers/create"],
    ["POST", "/v1.45/build?x=/containers/web/start"],
    ["POST", "/session"],
    ["POST", "/"],
    ["OPTIONS", "*"],
    ["POST", ""],
  ] as const;
  expect(calls.filter(([method, uri]) => mountCallOf(method, uri) !== undefined)).toEqual([]);
});

test("what is no address at all is Docker's to refuse", () => {
  const uris = ["//", "http://", "http://[", "/containers/%zz/start", "/containers/%ff/start"];
  expect(uris.map((uri) => mountCallOf("POST", uri))).toEqual(uris.map(() => undefined));
});

test("binds of -v are made when missing, those of --mount are not", () => {
  const sources = bindSourcesOf({
    Binds: ["/tmp/a:/a", "/tmp/b:/b:ro,z"],
    Mounts: [{ Type: "bind", Source: "/tmp/c" }],
  });
  expect(sources).toEqual([
    { path: "/tmp/a", createMissing: true },
    { path: "/tmp/b", createMissing: true },
    { path: "/tmp/c", createMissing: false },
  ]);
});

test("volumes, tmpfs and everything that names no folder of the host are left out", () => {
  const requests = {
    Binds: ["data:/data", "", ":", "a/b:/c", "./x:/y"],
    Mounts: [
      { Type: "volume", Source: "/tmp/x" },
      { Type: "tmpfs", Source: "" },
      { Type: "bind" },
      { Type: "bind", Source: null },
      { Source: "/tmp/y" },
      {},
    ],
  };
  expect(bindSourcesOf(requests)).toEqual([]);
});

test("a request without mounts mounts nothing", () => {
  expect([{}, { Binds: null, Mounts: null }, { Binds: [], Mounts: [] }].map(bindSourcesOf)).toEqual([[], [], []]);
});

test("dots, doubled slashes and a slash at the end are cleaned away", () => {
  const Binds = [
    "/tmp/a/:/x",
    "/tmp/./b//c:/x",
    "/tmp/a/../d:/x",
    "/tmp/../etc:/x",
    "/tmp/..:/x",
    "//tmp/e:/x",
    "/:/x",
  ];
  expect(bindSourcesOf({ Binds }).map(({ path }) => path)).toEqual([
    "/tmp/a",
    "/tmp/b/c",
    "/tmp/d",
    "/etc",
    "/",
    "/tmp/e",
    "/",
  ]);
});

test("an entry is the first name below the folder, and only below it", () => {
  const paths = ["/tmp/a", "/tmp/a/b/c", "/tmp", "/tmpfile", "/var/tmp/a", "/", "/tmp/.X11-unix/X0"];
  expect(paths.map((path) => entryOf(path, "/tmp"))).toEqual([
    "a",
    "a",
    undefined,
    undefined,
    undefined,
    undefined,
    ".X11-unix",
  ]);
});
