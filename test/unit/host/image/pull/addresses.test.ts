/** Where a release's files are, and where a server may send whoever asks. */
import { expect, test } from "bun:test";
import { addressOf, ownRelease, releaseSource, sentOn } from "../../../../../src/host/image/pull/addresses.ts";

test("qn's own release is that of the repository in package.json", () => {
  expect(ownRelease).toMatch(/^https:\/\/github\.com\/[^/]+\/qn\/releases\/latest\/download\/$/);
  expect(releaseSource("release")).toEqual({ kind: "web", base: ownRelease });
  expect(releaseSource("none")).toBeUndefined();
});

test("a file of a release is beside its list", () => {
  expect(addressOf({ kind: "folder", path: "/srv" }, "images.json")).toBe("/srv/images.json");
  expect(addressOf({ kind: "web", base: "https://mirror/qn/" }, "a.zst")).toBe("https://mirror/qn/a.zst");
});

const file = "https://github.com/ann/qn/releases/latest/download/images.json";

test.each([
  ["https://mirror.example/a", "/b", "https://mirror.example/b"],
  ["https://mirror.example/a", "b?c=d", "https://mirror.example/b?c=d"],
  ["http://127.0.0.1:8080/a", "http://127.0.0.1:8080/b", "http://127.0.0.1:8080/b"],
  [file, "https://github.com/ann/qn/releases/download/v1/a", "https://github.com/ann/qn/releases/download/v1/a"],
  [
    file,
    "https://release-assets.githubusercontent.com/x?sig=y",
    "https://release-assets.githubusercontent.com/x?sig=y",
  ],
])("%s may send on to %s", (from, location, to) => {
  expect(sentOn(from, location)).toBe(to);
});

test.each([
  ["https://mirror.example/a", "http://mirror.example/a"],
  ["https://mirror.example/a", "https://mirror.example:8443/a"],
  ["https://mirror.example/a", "https://other.example/a"],
  ["https://mirror.example/a", "https://release-assets.githubusercontent.com/a"],
  ["https://mirror.example/a", "https://ann:secret@mirror.example/a"],
  ["https://mirror.example/a", "//other.example/a"],
  ["https://mirror.example/a", "file:///etc/passwd"],
  ["https://mirror.example/a", "http://169.254.169.254/latest/meta-data"],
  ["https://mirror.example/a", "https://[::bad"],
  [file, "http://release-assets.githubusercontent.com/x"],
  [file, "https://release-assets.githubusercontent.com:8443/x"],
  [file, "https://release-assets.githubusercontent.com.example/x"],
])("%s may not send on to %s", (from, location) => {
  expect(() => sentOn(from, location)).toThrow("where qn does not follow");
});
