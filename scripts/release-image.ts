/**
 * Makes the folder of a release of guest images, ready to be put on a server: `bun scripts/release-image.ts --key KEY.pem
 * --out FOLDER IMAGE…`. A key is a file of its own and never in the repository; CONTRIBUTING.md says how it is made.
 */
import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import manifest from "../package.json";
import { byteSize } from "../src/base/words.ts";
import { makeRelease, zstdWindowLog } from "./support/release/images.ts";
import { setReleasedModes } from "./support/release/modes.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    key: { type: "string", multiple: true, default: [] },
    out: { type: "string" },
    level: { type: "string", default: "19" },
    "min-qn": { type: "string", default: manifest.version },
  },
});
const { key: keyFiles, out, level, "min-qn": minQn } = values;
if (keyFiles.length === 0 || out === undefined || positionals.length === 0) {
  console.error(
    "It is: bun scripts/release-image.ts --key KEY.pem --out FOLDER [--level N] [--min-qn V] IMAGE_FOLDER…",
  );
  process.exit(1);
}
const { images } = await makeRelease(out, {
  images: positionals,
  keys: await Promise.all(keyFiles.map((path) => readFile(path, "utf8"))),
  minQn,
  signedAtMs: Date.now(),
  zstd: { level: Number(level), windowLog: zstdWindowLog },
});
await setReleasedModes(out);
for (const { image, files } of images) {
  for (const { file, bytes, download } of files) {
    console.log(
      `${image.name} ${image.version} ${image.arch} ${file}: ${byteSize(bytes)}, ${byteSize(download.bytes)} to fetch`,
    );
  }
}
