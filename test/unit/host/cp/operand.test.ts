/** The operands of `qn cp`, as scp and docker cp have them. */
import { expect, test } from "bun:test";
import { meansContents, nameOf, parseDirection, parseOperand } from "../../../../src/host/cp/operand.ts";
import { failureOf } from "../../../support/failures.ts";

const guest = (written: string, vm: string, path: string, user?: string) => ({ at: "guest", vm, user, path, written });

test("a colon before the first slash names a VM, or the VM called default", () => {
  for (const path of ["a", "/a:b", "./a:b", "a/b:c", ".", "~"]) {
    expect(parseOperand(path)).toEqual({ at: "host", path, written: path });
  }
  expect(parseOperand("web:/srv/a:b")).toEqual(guest("web:/srv/a:b", "web", "/srv/a:b") as never);
  expect(parseOperand(":notes.txt")).toEqual(guest(":notes.txt", "default", "notes.txt") as never);
  expect(parseOperand("web:")).toEqual(guest("web:", "web", "") as never);
  expect(parseOperand("root@web:/etc")).toEqual(guest("root@web:/etc", "web", "/etc", "root") as never);
  expect(parseOperand("root@:/etc")).toEqual(guest("root@:/etc", "default", "/etc", "root") as never);
});

test("exactly one of the two lies in a VM, and a path is not empty", async () => {
  const { from, to } = parseDirection("a", "web:/b");
  expect([from.at, to.at]).toEqual(["host", "guest"]);
  expect(await failureOf(() => parseDirection("a", "b"))).toEqual({
    code: "USAGE",
    message: 'Neither "a" nor "b" lies in a VM.',
  });
  expect(await failureOf(() => parseDirection("one:a", "two:b"))).toEqual({
    code: "USAGE",
    message: 'Both "one:a" and "two:b" lie in a VM.',
  });
  expect((await failureOf(() => parseDirection("", ":b"))).message).toBe("One of the two paths is empty.");
});

test("a copy keeps its name in a folder, unless its path has none", () => {
  expect(["/a/b", "/a/b/", "b", "..b", "~ann"].map(nameOf)).toEqual(["b", "b", "b", "..b", "~ann"]);
  expect([".", "..", "/", "", "~", "a/..", "a/."].map(nameOf)).toEqual(Array.from({ length: 7 }, () => undefined));
  expect(["a/.", ".", "a", "a.", "a/"].map(meansContents)).toEqual([true, true, false, false, false]);
});
