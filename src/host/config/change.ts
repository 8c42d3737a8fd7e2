/**
 * Changes files of settings: one by one from the command line, or as a whole in an editor; never to something wrong.
 */
import { mkdir, realpath, rm, rmdir } from "node:fs/promises";
import { dirname } from "node:path";
import { QnError } from "../../base/errors.ts";
import { meantAsGiB } from "../../base/words.ts";
import { isErrno } from "../../system/errno.ts";
import { readTextIfThere, writeFileAtomically } from "../../system/files.ts";
import { withSettings } from "./document.ts";
import { checkFile, leafAt } from "./load.ts";
import { leaves } from "./schema.ts";
import { valueAt } from "./setting.ts";
import { valueOf } from "./text.ts";

/** What a file begins with that qn makes. */
const fileHead = "# Settings; what is not named here has its default. `qn config show` lists all of them.\n";

/**
 * The changes that words such as `cpus=4` and `ports.bind=all` ask for, by path. Throws USAGE for a word without a
 * value and CONFIG_INVALID for an unknown setting; the values are judged with the file they go into.
 */
export function changesIn(words: readonly string[]): ReadonlyMap<string, unknown> {
  return new Map(
    words.map((word) => {
      const sign = word.indexOf("=");
      if (sign < 1) {
        throw new QnError("USAGE", `"${word}" is not a setting with a value.`, {
          hint: "Write it as in `qn config set cpus=4 'mounts=[{ path: /srv/data }]'`.",
        });
      }
      const [name, text] = [word.slice(0, sign), word.slice(sign + 1)];
      const leaf = leafAt(name);
      const gib = leaf.path.endsWith("MiB") ? meantAsGiB("MiB", text) : undefined;
      if (gib === undefined) return [leaf.path, valueOf(leaf, text)];
      throw new QnError("CONFIG_INVALID", `${leaf.path} would be ${gib} MiB.`, {
        hint: `Did you mean \`${name}=${gib}G\`?`,
      });
    }),
  );
}

/** Throws for a file's new text what only the place knows that it is for, before it is written. */
export type Accept = (text: string) => Promise<void>;

/**
 * Writes the changes into a file, which is made when there is none. Throws CONFIG_INVALID, and what `accept` throws,
 * and leaves it as it was.
 */
export async function changeFile(path: string, changes: ReadonlyMap<string, unknown>, accept?: Accept): Promise<void> {
  const text = (await readTextIfThere(path)) ?? fileHead;
  const changed = withSettings({ path, text }, changes);
  checkFile({ path, text: changed });
  await accept?.(changed);
  await writeSettings(path, changed);
}

/** Where a draft lies until it is right. */
export function draftOf(path: string): string {
  return path.replace(/\.yaml$/, ".draft.yaml");
}

/** How an edit ended: the paths of the settings that are others now. */
export type Edited = { readonly changed: readonly string[]; readonly resumed: boolean };

/**
 * Lets `edit` change a draft of the file and keeps it when it is right. A draft that was left behind wrong is taken up
 * again. Throws CONFIG_INVALID with every mistake, and what `accept` throws; the file is as it was then, and the draft
 * is kept.
 */
export async function editFile(path: string, edit: (draft: string) => Promise<void>, accept?: Accept): Promise<Edited> {
  const draft = draftOf(path);
  const before = (await readTextIfThere(path)) ?? "";
  const left = await readTextIfThere(draft);
  if (left === undefined) await writeSettings(draft, before === "" ? fileHead : before);
  await edit(draft);
  const text = (await readTextIfThere(draft)) ?? before;
  if (before === "" && text === fileHead) {
    // Nothing was written down: a VM that is not there yet does not come by a look at its settings.
    await rm(draft, { force: true });
    await rmdir(dirname(path)).catch(() => {});
    return { changed: [], resumed: left !== undefined };
  }
  try {
    checkFile({ path: draft, text });
    await accept?.(text);
  } catch (error) {
    if (!(error instanceof QnError)) throw error;
    const hint = `${path} is as it was. \`qn config edit\` opens the draft again; delete it to start anew.`;
    throw new QnError(error.code, error.message, { cause: error, details: error.details, hint });
  }
  if (((await readTextIfThere(path)) ?? "") !== before) {
    throw new QnError("CONFIG_INVALID", `${path} was changed by somebody else meanwhile.`, {
      hint: `Your draft is kept: ${draft}.`,
    });
  }
  await writeSettings(path, text);
  await rm(draft, { force: true });
  return { changed: differences(before, text), resumed: left !== undefined };
}

/**
 * Writes a file of settings as it is, through a link, such as one into a folder of dot files, rather than over it.
 * Throws NOT_PERMITTED where it is declared elsewhere.
 */
export async function writeSettings(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeFileAtomically(await target(path), text);
}

// --- internal ---

async function target(path: string): Promise<string> {
  try {
    const real = await realpath(path);
    if (!real.startsWith("/nix/store/")) return real;
    throw new QnError("NOT_PERMITTED", `${path} is a link to ${real}, which never changes.`, {
      hint: "Change the setting where it is declared: services.qn.vms in your Nix configuration.",
    });
  } catch (error) {
    if (isErrno(error, "ENOENT")) return path;
    throw error;
  }
}

function differences(before: string, after: string): readonly string[] {
  const [was, is] = [before, after].map(parsed);
  return leaves.map(({ path }) => path).filter((path) => !Bun.deepEquals(valueAt(was, path), valueAt(is, path)));
}

/** The file may have been wrong before; what cannot be read said nothing. */
function parsed(text: string): unknown {
  try {
    return Bun.YAML.parse(text);
  } catch {
    return undefined;
  }
}
