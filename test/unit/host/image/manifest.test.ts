/** What an image says about itself. */
import { expect, test } from "bun:test";
import { QnError } from "../../../../src/base/errors.ts";
import { formatManifest, type ImageManifest, isImageName, parseManifest } from "../../../../src/host/image/manifest.ts";

const manifest: ImageManifest = {
  name: "debian",
  version: "13.7",
  arch: "x86_64",
  protocol: 1,
  recipe: "debian-13/1",
  inputs: "a".repeat(64),
  disk: { sha256: "b".repeat(64), sizeBytes: 446_889_984, virtualSizeBytes: 6_442_450_944 },
};

/** The code and message of what parsing a manifest throws. */
function failureOf(text: string): readonly [string, string] {
  try {
    parseManifest(text, "/images/debian-x86_64/image.json");
  } catch (error) {
    if (error instanceof QnError) return [error.code, error.message];
  }
  throw new Error("It was taken.");
}

test("a manifest that was written is read back as it was", () => {
  expect(parseManifest(formatManifest(manifest), "image.json")).toEqual(manifest);
});

test("fields that a newer qn writes are passed over", () => {
  expect(parseManifest(JSON.stringify({ ...manifest, colour: "blue" }), "image.json")).toEqual(manifest);
});

test.each([
  ["{", '"/images/debian-x86_64/image.json" is not JSON.'],
  [
    JSON.stringify({ ...manifest, arch: "riscv64" }),
    '"/images/debian-x86_64/image.json" is wrong at "arch": Invalid type: Expected ("x86_64" | "aarch64") but received "riscv64".',
  ],
  [
    JSON.stringify({ ...manifest, disk: { ...manifest.disk, sha256: "abc" } }),
    '"/images/debian-x86_64/image.json" is wrong at "disk.sha256": is no SHA-256 in lower-case hex.',
  ],
  [
    JSON.stringify({ ...manifest, name: "../evil" }),
    '"/images/debian-x86_64/image.json" is wrong at "name": is no name of an image.',
  ],
])("a manifest that is none is refused with its path and place: %#", (text, message) => {
  expect(failureOf(text)).toEqual(["IMAGE_CORRUPT", message]);
});

test("an image has a name that is fit for a folder", () => {
  const names = ["debian", "nixos-25", "Debian", "a/b", "", "-a", "a".repeat(32)];
  expect(names.filter((name) => isImageName(name))).toEqual(["debian", "nixos-25"]);
});
