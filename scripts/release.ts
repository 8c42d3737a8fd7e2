/**
 * Makes a release of this checkout, ready to be put on a server: `scripts/release --key KEY.pem`. Before that
 * `scripts/release --cut 1.2.3` gives it its version and the changelog its section (CONTRIBUTING.md).
 */
import { readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import manifest from "../package.json";
import { messageOf } from "../src/base/errors.ts";
import { ownReleases } from "../src/host/image/pull/addresses.ts";
import { cutChangelog } from "./support/release/changelog.ts";
import { sourceState } from "./support/release/source.ts";
import { makeWholeRelease } from "./support/release/whole.ts";

const root = join(import.meta.dir, "..");
const changelog = join(root, "CHANGELOG.md");

try {
  const { values } = parseArgs({
    options: {
      key: { type: "string", multiple: true, default: [] },
      out: { type: "string", default: join(root, "dist/release") },
      images: { type: "string" },
      "without-images": { type: "boolean", default: false },
      programs: { type: "string" },
      trial: { type: "boolean", default: false },
      base: { type: "string", default: ownReleases },
      level: { type: "string", default: "19" },
      cut: { type: "string" },
    },
  });
  if (values.cut !== undefined) await cut(values.cut);
  else {
    const keys = await Promise.all(values.key.map(async (path) => [path, await readFile(path, "utf8")] as const));
    const folder = values.images === undefined ? "build" : { folder: resolve(values.images) };
    const { folder: made, lacks } = await makeWholeRelease({
      root,
      source: await sourceState(root),
      changelog: await readFile(changelog, "utf8"),
      out: resolve(values.out),
      keys: new Map(keys),
      images: values["without-images"] ? "leave out" : folder,
      programs: values.programs === undefined ? undefined : resolve(values.programs),
      isTrial: values.trial,
      base: values.base.replace(/\/$/, ""),
      level: Number(values.level),
      env: process.env,
      say: (text) => console.log(`  ${text}`),
    });
    console.log(made);
    if (lacks.length > 0) console.log(`This is not a whole release: ${lacks.join("; ")}.`);
  }
} catch (error) {
  console.error(`scripts/release: ${messageOf(error)}`);
  process.exit(1);
}

// --- internal ---

/** Writes the version into package.json, and the changelog's section for it. */
async function cut(version: string): Promise<void> {
  const today = new Date().toISOString().slice(0, 10);
  await writeFile(changelog, cutChangelog(await readFile(changelog, "utf8"), version, today));
  const path = join(root, "package.json");
  const text = await readFile(path, "utf8");
  await writeFile(path, text.replace(`"version": "${manifest.version}"`, `"version": "${version}"`));
  console.log(
    `package.json and CHANGELOG.md are those of ${version}; commit them, then: scripts/release --key KEY.pem`,
  );
}
