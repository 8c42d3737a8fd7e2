/** From the words of `qn up` to settings. */
import { expect, test } from "bun:test";
import { forgottenWords, mountsIn, settingsOf } from "../../../../src/cli/commands/up.ts";
import { configOf, factsOf } from "../../../support/host-facts.ts";

test("only flags that were given become settings", () => {
  expect(settingsOf({ cpus: 2, memoryMiB: undefined, diskGiB: undefined, arch: "aarch64", image: undefined })).toEqual({
    cpus: 2,
    arch: "aarch64",
  });
  expect(settingsOf({})).toEqual({});
});

test("--mount may be given many times, in both spellings, with and without :ro", () => {
  const words = ["web", "--mount", "/srv", "--cpus", "2", "--mount=/opt:ro", "--mount", "data", "--mount=../x/:ro"];
  expect(mountsIn(words, "/home/ann/project")).toEqual([
    { path: "/srv", readOnly: false },
    { path: "/opt", readOnly: true },
    { path: "/home/ann/project/data", readOnly: false },
    { path: "/home/ann/x", readOnly: true },
  ]);
});

test("without --mount there are no extra shares", () => {
  expect(mountsIn(["web", "--cpus", "2", "--mounted=/x"], "/")).toEqual([]);
});

test("a folder whose name ends in other letters behind a colon keeps its name", () => {
  expect(mountsIn(["--mount", "/srv/a:b", "--mount", "/srv/pro"], "/")).toEqual([
    { path: "/srv/a:b", readOnly: false },
    { path: "/srv/pro", readOnly: false },
  ]);
});

test("the folder one is in can be shared as a dot", () => {
  expect(mountsIn(["--mount", ".", "--mount=.:ro"], "/home/ann")).toEqual([
    { path: "/home/ann", readOnly: false },
    { path: "/home/ann", readOnly: true },
  ]);
});

test("a folder may be said to be writable, as it is without a word", () => {
  expect(mountsIn(["--mount", "/srv:rw", "--mount", "/opt:w", "--mount=a:b:rw"], "/")).toEqual([
    { path: "/srv", readOnly: false },
    { path: "/opt", readOnly: false },
    { path: "/a:b", readOnly: false },
  ]);
});

test("flags that are in no settings are said to count once, with what keeps them", () => {
  const config = { ...configOf(factsOf("linux/x86_64")), cpus: 2, memoryMiB: 4096 };
  expect(forgottenWords("", { cpus: 2, memoryMiB: 4096 }, config)).toBeUndefined();
  expect(forgottenWords("", {}, config)).toBeUndefined();
  expect(forgottenWords(" web", { cpus: 4, memoryMiB: 4096, image: "other" }, config)).toBe(
    "For this start only: cpus=4, image=other;   qn config set web cpus=4 image=other   for all.",
  );
  const mounts = [{ path: "/srv", readOnly: false }];
  expect(forgottenWords("", { mounts }, config)).toBe("For this start only: --mount;   qn config edit   for all.");
  expect(forgottenWords("", { cpus: 4, mounts }, config)).toBe(
    "For this start only: cpus=4, --mount;   qn config set cpus=4   and   qn config edit   for all.",
  );
  expect(forgottenWords("", { mounts }, { ...config, mounts })).toBeUndefined();
});
