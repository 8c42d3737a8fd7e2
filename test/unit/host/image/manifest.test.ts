/** What an image says about itself. */
import { expect, test } from "bun:test";
import { QnError } from "../../../../src/base/errors.ts";
import {
  formatManifest,
  imageFiles,
  type ImageManifest,
  isImageName,
  parseManifest,
} from "../../../../src/host/image/manifest.ts";

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

/** The same image with a kernel beside its disk. */
const withKernel: ImageManifest = {
  ...manifest,
  kernel: {
    commandLine: "root=UUID=1 rw",
    files: [
      { file: "kernel", bytes: 12, sha256: "c".repeat(64) },
      { file: "initrd", bytes: 7, sha256: "d".repeat(64) },
    ],
  },
};

test("an image has a disk, and may have a kernel and an initramfs beside it", () => {
  expect(parseManifest(formatManifest(withKernel), "image.json")).toEqual(withKernel);
  const names = [manifest, withKernel].map((one) => imageFiles(one).map(({ file }) => file));
  expect(names).toEqual([["disk.qcow2"], ["disk.qcow2", "kernel", "initrd"]]);
});

test.each(["", "a\nb", "a\0b", "ü", "a".repeat(2048)])(
  "a command line that is none for a kernel is refused: %#",
  (line) => {
    const text = JSON.stringify({ ...withKernel, kernel: { ...withKernel.kernel, commandLine: line } });
    expect(failureOf(text)[1]).toEndWith('is wrong at "kernel.commandLine": is no command line of a kernel.');
  },
);

test.each(["../../etc/shadow", "disk.qcow2"])("the kernel is never a file of another name, such as %s", (file) => {
  const [, initrd] = withKernel.kernel?.files ?? [];
  const text = JSON.stringify({
    ...withKernel,
    kernel: { ...withKernel.kernel, files: [{ ...initrd, file }, initrd] },
  });
  expect(failureOf(text)[1]).toContain('is wrong at "kernel.files.0.file"');
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
