/** Which folders a VM sees, under which tag and where. */
import { expect, test } from "bun:test";
import { sharesOf } from "../../../src/host/shares.ts";

test("/tmp is always shared, last and mounted aside; all others are at their own paths", () => {
  const shares = sharesOf([
    { path: "/home/ann", readOnly: false },
    { path: "/opt/data", readOnly: true },
  ]);
  expect(shares).toEqual([
    { tag: "qn0", path: "/home/ann", readOnly: false, folder: "/home/ann" },
    { tag: "qn1", path: "/opt/data", readOnly: true, folder: "/opt/data" },
    { tag: "qn2", path: "/tmp", readOnly: false, folder: "/run/qn/tmp" },
  ]);
});

test("/tmp that is named among the shares is not shared twice", () => {
  const mounts = [
    { path: "/tmp", readOnly: true },
    { path: "/srv", readOnly: false },
  ];
  expect(sharesOf(mounts).map(({ tag, path, folder }) => [tag, path, folder])).toEqual([
    ["qn0", "/srv", "/srv"],
    ["qn1", "/tmp", "/run/qn/tmp"],
  ]);
});
