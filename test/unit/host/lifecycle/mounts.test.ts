/** Shares and what containers use of them. */
import { expect, test } from "bun:test";
import { mountViews, shareViews } from "../../../../src/host/lifecycle/mounts.ts";
import { parseListed } from "../../../../src/system/docker-views.ts";

const usual = { driver: "9p", security: "none", cache: "none" };

test("the shares are those of the settings with how they behave, and /tmp once", () => {
  const mounts = [
    { path: "/home/ann", readOnly: false },
    { path: "/srv", readOnly: true, security: "mapped-xattr", cache: "none" },
    { path: "/tmp", readOnly: true },
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
