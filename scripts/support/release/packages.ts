/** The packages of npm that are in the program, and Bun itself: with version, licence and the hash that bun.lock has. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import lock from "../../../bun.lock";
import manifest from "../../../package.json";
import { type Target, targets } from "../bun-template.ts";

/** A package. `licence` is an SPDX expression, `licenceText` what it brings along itself, if anything. */
export type Package = {
  readonly name: string;
  readonly version: string;
  readonly licence: string;
  readonly homepage: string;
  /** As npm writes it: `sha512-` and base64. */
  readonly integrity: string;
  readonly licenceText: string | undefined;
};

/** The packages that these files, paths below `root`, are of. Throws for one that says no licence. */
export async function packagesOf(root: string, files: readonly string[]): Promise<readonly Package[]> {
  const folders = new Set(files.flatMap((path) => /^.*\bnode_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(path)?.[0] ?? []));
  const packages = await Promise.all([...folders].toSorted().map((folder) => packageIn(join(root, folder))));
  const unique = new Map(packages.map((each) => [`${each.name}@${each.version}`, each]));
  return [...unique.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** Bun's own program of a target, which a release's program is put into. It brings no text of its licence along. */
export function bunPackage(target: Target): Package {
  const name = targets[target].package;
  const version = manifest.devDependencies.bun;
  return {
    name,
    version,
    licence: "MIT",
    homepage: "https://bun.com",
    integrity: integrityOf(name, version),
    licenceText: undefined,
  };
}

// --- internal ---

async function packageIn(folder: string): Promise<Package> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what npm asks of each package; the rest is looked at below
  const { name, version, ...said } = JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as {
    readonly name: string;
    readonly version: string;
    readonly license?: unknown;
    readonly homepage?: unknown;
  };
  if (typeof said.license !== "string") throw new Error(`${name} ${version} does not say under which licence it is.`);
  const [file] = (await readdir(folder)).filter((each) => /^licen[cs]e(\.(md|txt))?$/i.test(each)).toSorted();
  return {
    name,
    version,
    licence: said.license,
    homepage: typeof said.homepage === "string" ? said.homepage : `https://www.npmjs.com/package/${name}`,
    integrity: integrityOf(name, version),
    licenceText: file === undefined ? undefined : await readFile(join(folder, file), "utf8"),
  };
}

function integrityOf(name: string, version: string): string {
  const entry = Object.values(lock.packages).find(([spec]) => spec === `${name}@${version}`);
  const integrity = entry?.at(-1);
  if (typeof integrity === "string" && integrity.startsWith("sha512-")) return integrity;
  throw new Error(`bun.lock has no hash of ${name} ${version}: \`bun install\` first.`);
}
