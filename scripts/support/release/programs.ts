/** The programs of a release, and the archive of each. */
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import manifest from "../../../package.json";
import { archiveName } from "../../../src/host/upgrade/files.ts";
import { isThere } from "../../../src/system/files.ts";
import { buildProgram } from "../build-program.ts";
import { isTarget, type Target, targets } from "../bun-template.ts";
import { packFolder } from "./archive.ts";
import { writeContents } from "./contents.ts";
import { noticesText } from "./notices.ts";
import { bunPackage, type Package } from "./packages.ts";

/** Every system that there is a program for. */
const everyTarget: readonly Target[] = Object.keys(targets).filter(isTarget);

/** Where the program of a target is, in a folder with all of them. */
export function programOf(folder: string, target: string): string {
  return join(folder, `qn-${target}`);
}

/** Builds the programs of all systems, which say that they are the release made of `commit`. */
export async function buildPrograms(
  root: string,
  folder: string,
  commit: string,
  say: (text: string) => void,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const target of everyTarget) {
    say(`program for ${target}`);
    await buildProgram({ root, target, commit, path: programOf(folder, target) });
  }
}

/** An archive by its name, and what is in it besides qn. */
export type Archive = { readonly name: string; readonly has: readonly Package[] };

/** Where archives are made, what of, and the time of all that is in them. */
export type ArchiveParts = {
  readonly root: string;
  readonly programs: string;
  readonly libraries: readonly Package[];
  readonly timeS: number;
  readonly scratch: string;
  /** The folder that gets them. */
  readonly files: string;
};

/** Throws when the folder has not the programs of all systems. */
export async function requirePrograms(folder: string): Promise<void> {
  for (const program of everyTarget.map((target) => programOf(folder, target))) {
    if (!(await isThere(program))) throw new Error(`There is no program ${program}.`);
  }
}

/** Packs an archive for each system. */
export async function packPrograms(parts: ArchiveParts): Promise<readonly Archive[]> {
  const notices = noticesText(parts.libraries, manifest.devDependencies.bun);
  const archives: Archive[] = [];
  for (const target of everyTarget) {
    const program = programOf(parts.programs, target);
    const title = archiveName(manifest.version, target);
    const folder = join(parts.scratch, title);
    await writeContents(folder, { root: parts.root, program, notices });
    const name = `${title}.tar.gz`;
    await packFolder(parts.scratch, title, join(parts.files, name), parts.timeS);
    await rm(folder, { recursive: true });
    archives.push({ name, has: [...parts.libraries, bunPackage(target)] });
  }
  return archives;
}
