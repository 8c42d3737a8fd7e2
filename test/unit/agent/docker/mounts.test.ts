/** What a container mounts, in the words of Docker's API. */
import { expect, test } from "bun:test";
import { bindSourcesOf, entryOf, volumesOf } from "../../../../src/agent/docker/mounts.ts";

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

test("a volume that is made with a container is the folder that it is bound to, or the layers of its overlay", () => {
  const of = (Options: Record<string, string>, Name?: string) => ({
    Type: "volume",
    Source: "v",
    VolumeOptions: { DriverConfig: { Name, Options } },
  });
  const Mounts = [
    of({ type: "none", o: "bind", device: "/tmp/../srv/x" }),
    of({ type: "overlay", o: "lowerdir=/tmp/a:/srv/b,upperdir=/tmp/c,workdir=/tmp/d,ro", device: "overlay" }),
    of({ o: "bind", device: "/tmp/y" }, "other"),
    of({ type: "tmpfs", device: "tmpfs", o: "size=1m" }, "local"),
    { Type: "volume", VolumeOptions: null },
    { Type: "volume", VolumeOptions: { DriverConfig: null } },
  ];
  const paths = ["/srv/x", "/tmp/a", "/srv/b", "/tmp/c", "/tmp/d"];
  expect(bindSourcesOf({ Mounts })).toEqual(paths.map((path) => ({ path, createMissing: false })));
});

test("volumes are known by their names, which are never paths", () => {
  const Binds = ["data:/data", "/tmp/x:/x", "../up:/y", "a/b:/z", ":/w", ".hidden:/v"];
  const Mounts = [{ Type: "volume", Source: "more" }, { Type: "volume" }, { Type: "bind", Source: "other" }];
  expect(volumesOf({ Binds, Mounts })).toEqual(["data", "more"]);
});
