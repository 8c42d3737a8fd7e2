/** The setting `flake`, and what it adds to the shares. */
import { expect, test } from "bun:test";
import { flakeIn, withFlake } from "../../../src/host/flake.ts";

test("a flake has a folder and the name of a system, or is none", () => {
  expect(flakeIn("/home/ann/machines#web")).toEqual({ folder: "/home/ann/machines", name: "web" });
  expect(flakeIn("none")).toBeUndefined();
});

test("the flake's folder is a share of its own, read-only, unless the guest sees it already", () => {
  const home = { path: "/home/ann", readOnly: false };
  const own = { path: "/srv/machines", readOnly: true };
  expect(withFlake([home], "/srv/machines#web")).toEqual([home, own]);
  expect(withFlake([home], "/home/ann/machines#web")).toEqual([home]);
  expect(withFlake([home], "/home/anna#web")).toEqual([home, { path: "/home/anna", readOnly: true }]);
  expect(withFlake([{ path: "/", readOnly: true }], "/srv/machines#web")).toEqual([{ path: "/", readOnly: true }]);
  expect(withFlake([home], "none")).toEqual([home]);
});
