/** Shares and what containers use of them. */
import { expect, test } from "bun:test";
import { defaults } from "../../../../src/host/config/schema.ts";
import { layoutOf } from "../../../../src/host/layout.ts";
import { mountViews, shareViews } from "../../../../src/host/lifecycle/mounts.ts";
import { restingStatus } from "../../../../src/host/supervisor/resting-status.ts";
import { parseListed } from "../../../../src/system/docker-views.ts";

const usual = { driver: "9p", security: "none", cache: "none" };

test("the shares are those of the settings with how they behave", () => {
  const mounts = [
    { path: "/home/ann", readOnly: false },
    { path: "/srv", readOnly: true, security: "mapped-xattr", cache: "none" },
    { path: "/tmp", readOnly: false },
  ];
  expect(shareViews(mounts)).toEqual([
    { path: "/home/ann", readOnly: false, ...usual },
    { path: "/srv", readOnly: true, driver: "9p", security: "mapped-xattr", cache: "none" },
    { path: "/tmp", readOnly: false, ...usual },
  ]);
});

test("each mount is told with the innermost share that it lies in; what only the guest has lies in none", () => {
  const shares = shareViews([
    { path: "/home/ann", readOnly: false },
    { path: "/home/ann/docs", readOnly: true },
    { path: "/tmp", readOnly: false },
  ]);
  const bind = (Source: string, RW = true) => ({ Type: "bind", Source, Destination: "/x", RW });
  const containers = parseListed([
    {
      Id: "1",
      Names: ["/web"],
      State: "running",
      Ports: [],
      Mounts: [bind("/tmp/x", false), bind("/home/ann/docs/a"), bind("/home/annabel"), bind("/home/ann")],
    },
    { Id: "2", Names: ["/db"], State: "exited", Ports: [], Mounts: [bind("/tmp/x"), bind("/tmpfs")] },
  ]);
  const told = mountViews(containers, shares).map(
    ({ source, share, container, readOnly }) => `${source} ${share} ${container} ${readOnly ? "ro" : "rw"}`,
  );
  expect(told).toEqual([
    "/home/ann /home/ann web rw",
    "/home/ann/docs/a /home/ann/docs web ro",
    "/home/annabel null web rw",
    "/tmp/x /tmp db rw",
    "/tmp/x /tmp web ro",
    "/tmpfs null db rw",
  ]);
});

test("of /tmp the status tells what the guest sees: all of it once, a folder in it, or nothing", () => {
  const config = defaults({ arch: "x86_64", cpus: 4, memoryMiB: 8192, homeFolder: "/home/ann", os: "linux" });
  const paths = layoutOf("/home/ann/.qn").vm("web");
  const told = (tmp: string) => {
    const mounts = [...config.mounts, { path: "/tmp", readOnly: true }].slice(0, tmp === "all" ? 2 : 1);
    return restingStatus(paths, { ...config, mounts, files: { ...config.files, tmp } }).mounts.map(({ path }) => path);
  };
  expect([told("all"), told("none"), told("/tmp/work")]).toEqual([
    ["/home/ann", "/tmp"],
    ["/home/ann"],
    ["/home/ann", "/tmp/work"],
  ]);
});
