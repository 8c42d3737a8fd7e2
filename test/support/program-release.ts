/** Releases of the program for tests, as `install.sh` and `qn upgrade` find them at a server or in a folder. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { packFolder } from "../../scripts/support/release/archive.ts";
import { releaseKey, sumsSignature, sumsText } from "../../scripts/support/release/sums.ts";
import { archiveName, completionFiles, pagesFolder, sumsFiles } from "../../src/host/upgrade/files.ts";
import { hashOf } from "../../src/host/image/store.ts";
import { newKeyPair } from "./released-image.ts";

/** The platform of this machine, as archives are named by it. */
export const ownPlatform = `${process.platform}-${process.arch}`;

/** What stands in for qn: a script that says its version, and prints its manual pages and completions. */
export function standIn(version: string): string {
  const { pages, completions } = printedBy(version);
  const lines = [
    ...Object.entries(pages).map(([name, text]) => `[ "$1" != man ] || echo '${text}' >"$3/${name}"`),
    ...Object.entries(completions).map(([shell, text]) => `[ "$1 $2" != "completion ${shell}" ] || echo '${text}'`),
  ];
  return [
    "#!/bin/sh",
    `[ "$1" != --version ] || echo '${version} (a stand-in)'`,
    '[ "$1" != man ] || mkdir -p "$3"',
    ...lines,
    "",
  ].join("\n");
}

/** Files of an archive by their paths in it; undefined leaves one out that is there otherwise. */
type Content = Readonly<Record<string, string | Uint8Array | undefined>>;

/** Versions below one folder, and the key that has signed them. */
export type Releases = {
  readonly folder: string;
  readonly keyFile: string;
  /** Adds a version with these files in its archive, and makes it the newest; gives the archive's path. */
  add(version: string, changes?: Content): Promise<string>;
  /** Signs a version's list of sums once more, as it is now. */
  sign(version: string): Promise<void>;
};

/** Makes an empty one. */
export async function newReleases(folder: string, platform = ownPlatform): Promise<Releases> {
  await mkdir(folder, { recursive: true });
  const keys = newKeyPair();
  const keyFile = `${folder}.pem`;
  await writeFile(keyFile, keys.publicPem);
  const signSums = async (version: string): Promise<void> => {
    const at = (name: string) => join(folder, `v${version}`, name);
    const sums = await readFile(at(sumsFiles.list), "utf8");
    await writeFile(at(sumsFiles.signature), sumsSignature(sums, releaseKey(keys.privatePem, "")));
  };
  return {
    folder,
    keyFile,
    sign: signSums,
    async add(version, changes = {}) {
      const name = archiveName(version, platform);
      const place = join(folder, `v${version}`);
      await mkdir(place, { recursive: true });
      const archive = join(place, `${name}.tar.gz`);
      await pack(archive, name, { ...contentOf(version), ...changes });
      const sums = new Map([
        [`${name}.tar.gz`, await hashOf(archive)],
        [`${archiveName(version, "plan9-mips")}.tar.gz`, "0".repeat(64)],
      ]);
      await writeFile(join(place, sumsFiles.list), sumsText(sums));
      await signSums(version);
      await writeFile(join(folder, "latest"), `${version}\n`);
      return archive;
    },
  };
}

// --- internal ---

/** Pages by their names, completions by their shells. */
function printedBy(version: string): Readonly<Record<"pages" | "completions", Readonly<Record<string, string>>>> {
  return {
    pages: { "qn.1": `.TH QN 1 ${version}`, "qn-up.1": `.TH QN-UP 1 ${version}` },
    completions: { bash: `# bash ${version}`, zsh: `#compdef qn\n# zsh ${version}`, fish: `# fish ${version}` },
  };
}

function contentOf(version: string): Readonly<Record<string, string>> {
  const { pages, completions } = printedBy(version);
  const printed = [
    ...Object.entries(pages).map(([name, text]) => [`${pagesFolder}/${name}`, `${text}\n`] as const),
    ...Object.entries(completions).map(([shell, text]) => [completionFiles[shell] ?? "", `${text}\n`] as const),
  ];
  return {
    "bin/qn": standIn(version),
    ...Object.fromEntries(printed),
    LICENSE: "MIT\n",
    "THIRD-PARTY-NOTICES.txt": "others\n",
    "README.md": "# qn\n",
  };
}

async function pack(archive: string, name: string, files: Content): Promise<void> {
  const scratch = await mkdtemp(`${archive}.`);
  for (const [path, text] of Object.entries(files)) {
    if (text === undefined) continue;
    await mkdir(join(scratch, name, path, ".."), { recursive: true });
    await writeFile(join(scratch, name, path), text, { mode: path === "bin/qn" ? 0o755 : 0o644 });
  }
  await packFolder(scratch, name, archive, 0);
  await rm(scratch, { recursive: true });
}
