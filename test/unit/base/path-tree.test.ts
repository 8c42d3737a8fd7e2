/** Values by path: what is taken out with a path, and what stays. */
import { expect, test } from "bun:test";
import { newPathTree } from "../../../src/base/path-tree.ts";

function treeOf(...paths: string[]) {
  const tree = newPathTree<string>();
  for (const path of paths) tree.set(path, `value of ${path}`);
  return tree;
}

test("a path is taken out with all below it, and nothing that only begins with the same letters", () => {
  const tree = treeOf("/a", "/a/b", "/a/b/c", "/ab", "/a/bc");
  expect(tree.take("/a/b")).toEqual([
    ["/a/b", "value of /a/b"],
    ["/a/b/c", "value of /a/b/c"],
  ]);
  expect([tree.size, tree.get("/a/b"), tree.get("/a/b/c"), tree.get("/a/bc")]).toEqual([
    3,
    undefined,
    undefined,
    "value of /a/bc",
  ]);
  expect(tree.entries().map(([path]) => path)).toEqual(expect.arrayContaining(["/a", "/ab", "/a/bc"]));
});

test("what lies below a path is taken out also where the path itself has no value", () => {
  const tree = treeOf("/x/y/z");
  expect([tree.get("/x"), tree.take("/x").map(([path]) => path), tree.size]).toEqual([undefined, ["/x/y/z"], 0]);
  expect([tree.take("/x"), tree.take("/nowhere/at/all")]).toEqual([[], []]);
});

test("the root is a path like all others, and a value that is set again counts once", () => {
  const tree = treeOf("/", "/a", "/a");
  tree.set("/a", "other");
  expect([tree.size, tree.get("/"), tree.get("/a")]).toEqual([2, "value of /", "other"]);
  expect(tree.take("/").map(([path]) => path)).toEqual(["/", "/a"]);
  expect([tree.size, tree.get("/"), tree.entries()]).toEqual([0, undefined, []]);
});

test("twenty thousand files that vanish one by one take no longer than they took to come", () => {
  const paths = Array.from({ length: 20_000 }, (_, i) => `/share/folder-${i % 100}/file-${i}`);
  const timed = (action: () => void): number => {
    const begin = performance.now();
    action();
    return performance.now() - begin;
  };
  const tree = newPathTree<number>();
  const comingMs = timed(() => paths.forEach((path, index) => tree.set(path, index)));
  const goingMs = timed(() => paths.forEach((path) => expect(tree.take(path)).toHaveLength(1)));
  expect(tree.size).toBe(0);
  // Looking at all others for each takes a hundred times as long.
  expect(goingMs).toBeLessThan(comingMs * 30 + 200);
});
