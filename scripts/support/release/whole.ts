/** Makes a release: archives for each system, guest images, formula, list of parts, sums and their signature. */
import { chmod, copyFile, mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import manifest from "../../../package.json";
import { releaseKeys } from "../../../src/host/image/pull/keys.ts";
import { hashOf } from "../../../src/host/image/store.ts";
import { sumsFiles } from "../../../src/host/upgrade/files.ts";
import { isThere } from "../../../src/system/files.ts";
import { bundledFiles } from "../build-program.ts";
import { hostTarget } from "../bun-template.ts";
import { changelogFault } from "./changelog.ts";
import { formulaFile, formulaText } from "./formula.ts";
import { buildImages, imagesIn } from "./guest-images.ts";
import { makeRelease, zstdWindowLog } from "./images.ts";
import { releasedMode, setReleasedModes } from "./modes.ts";
import { packagesOf } from "./packages.ts";
import { buildPrograms, packPrograms, programOf, requirePrograms } from "./programs.ts";
import { sbomName, sbomText } from "./sbom.ts";
import { releaseTimeS, type SourceState } from "./source.ts";
import { isTrusted, releaseKey, type Sums, sumsSignature, sumsText } from "./sums.ts";

/** A release to be made of the checkout at `root`, whose state and changelog are looked at before. */
export type WholeParts = {
  readonly root: string;
  readonly source: SourceState;
  readonly changelog: string;
  /** The folder that gets `v<version>/` and `latest`. */
  readonly out: string;
  /** Private keys in PEM by their paths: images are signed with each, the sums with the first. */
  readonly keys: ReadonlyMap<string, string>;
  /** Public keys in PEM, one of which has to be each key's other half: those that a qn knows, unless others are named. */
  readonly trusted?: readonly string[];
  /** A folder with built images, or whether to build them or leave them out. */
  readonly images: { readonly folder: string } | "build" | "leave out";
  /** A folder with ready programs `qn-<os>-<arch>`; without one they are built. */
  readonly programs?: string | undefined;
  /** Makes it of what would be refused, too. */
  readonly isTrial: boolean;
  /** The address below which `v<version>/` will be, for the formula. */
  readonly base: string;
  /** How much zstd tries on images, 1 to 22. */
  readonly level: number;
  readonly env: NodeJS.ProcessEnv;
  readonly say: (text: string) => void;
};

/** What was made: its folder, and why it is no whole release, if so. */
export type MadeRelease = { readonly folder: string; readonly lacks: readonly string[] };

/**
 * Makes the release in a folder that gets its name when all of it is there. Throws when the tree, the changelog or the
 * key is not that of a release, unless it is a trial; and when there is one already, or a part cannot be made.
 */
export async function makeWholeRelease(parts: WholeParts): Promise<MadeRelease> {
  const { version } = manifest;
  const folder = join(parts.out, `v${version}`);
  if (process.platform !== "linux") throw new Error("A release is made on Linux, where its guest images are built.");
  if (await isThere(folder)) throw new Error(`${folder} is there already: take it away, or name another by --out.`);
  const lacks = faultsOf(parts);
  if (lacks.length > 0 && !parts.isTrial) {
    throw new Error(`${lacks.join("; ")}. With --trial one is made all the same, to be looked at.`);
  }
  const scratch = join(parts.out, `.v${version}.${process.pid}`);
  const files = join(scratch, "files");
  try {
    await mkdir(files, { recursive: true });
    await makeFiles(parts, scratch, files);
    await setReleasedModes(files);
    await rename(files, folder);
    await writeFile(join(parts.out, "latest"), `${version}\n`);
    await chmod(join(parts.out, "latest"), releasedMode.file);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  const missing = [
    ...(parts.images === "leave out" ? ["it has no guest images"] : []),
    ...(parts.programs === undefined ? [] : ["its programs were made elsewhere"]),
  ];
  return { folder, lacks: [...lacks, ...missing] };
}

// --- internal ---

/** What speaks against a release of this tree with these keys, as parts of a sentence. Throws for what is no key. */
function faultsOf({ source, changelog, keys, trusted = releaseKeys }: WholeParts): readonly string[] {
  if (keys.size === 0)
    throw new Error("There is no key to sign with: --key KEY.pem (CONTRIBUTING.md says how to make one).");
  const changes = source.changes.slice(0, 3).join(", ");
  const fault = changelogFault(changelog, manifest.version);
  const strangers = [...keys].filter(([path, pem]) => !isTrusted(releaseKey(pem, path), trusted));
  return [
    ...(changes === "" ? [] : [`the tree has changes that are not committed (${changes})`]),
    ...(fault === undefined ? [] : [fault]),
    ...strangers.map(([path]) => `src/host/image/pull/keys.ts does not have the other half of ${path}`),
  ];
}

async function makeFiles(parts: WholeParts, scratch: string, files: string): Promise<void> {
  const { root, source, images, say } = parts;
  const { version } = manifest;
  const timeS = releaseTimeS(source, parts.env);
  const programs = parts.programs ?? join(scratch, "programs");
  // What is missing is missed before anything is built.
  let built = typeof images === "string" ? undefined : await imagesIn(images.folder);
  if (parts.programs !== undefined) await requirePrograms(programs);
  else await buildPrograms(root, programs, `${source.commit}${source.changes.length === 0 ? "" : "-dirty"}`, say);
  const libraries = await packagesOf(root, await bundledFiles(root));
  say("archives");
  const archives = await packPrograms({ root, programs, libraries, timeS, scratch, files });
  if (images === "build")
    built = await buildImages(programOf(programs, hostTarget()), join(root, "dist/release-home"), say);
  if (built !== undefined) {
    say("guest images");
    const zstd = { level: parts.level, windowLog: zstdWindowLog };
    const keys = [...parts.keys.values()];
    await makeRelease(files, { images: built, keys, minQn: version, signedAtMs: timeS * 1000, zstd });
  }
  await copyFile(join(root, "install.sh"), join(files, "install.sh"));
  const sums = await sumsOf(files);
  const has = new Map(archives.map((archive) => [archive.name, archive.has]));
  const listed = [...sums].map(([name, sha256]) => ({ name, sha256, has: has.get(name) ?? [] }));
  await writeFile(join(files, sbomName(version)), sbomText({ version, timeS, files: listed }));
  await writeFile(join(files, formulaFile), formulaText(version, parts.base, sums));
  const list = sumsText(await sumsOf(files));
  await writeFile(join(files, sumsFiles.list), list);
  const [first] = [...parts.keys].map(([path, pem]) => releaseKey(pem, path));
  if (first !== undefined) await writeFile(join(files, sumsFiles.signature), sumsSignature(list, first));
}

async function sumsOf(folder: string): Promise<Sums> {
  const names = (await readdir(folder)).toSorted();
  const sums = new Map<string, string>();
  for (const name of names) sums.set(name, await hashOf(join(folder, name)));
  return sums;
}
