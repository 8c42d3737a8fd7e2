/** What `qn config` does: shows the settings, changes them, and says when a change counts. */
import { QnError } from "../../base/errors.ts";
import { counted } from "../../base/words.ts";
import { changeFile, changesIn, draftOf, editFile } from "../../host/config/change.ts";
import { leafAt, type Origin } from "../../host/config/load.ts";
import { leaves } from "../../host/config/schema.ts";
import { valueAt } from "../../host/config/setting.ts";
import type { VmPaths } from "../../host/layout.ts";
import { statusOfVm } from "../../host/lifecycle/status.ts";
import { requireVm } from "../../host/vm/known.ts";
import { effectiveConfig } from "../../host/vm/prepare.ts";
import { vmHere } from "../vm-here.ts";
import { printJson, printTable, say, succeed } from "../terminal/show.ts";

/** Shows the effective settings with their origins; of a VM that is not there, what it would have. */
export async function showConfig(vm: string, asJson: boolean): Promise<void> {
  const { config, origins } = await effectiveConfig(vmHere(vm).paths, process.env);
  const rows = leaves.map(({ path, variable, effective }) => {
    const origin = origins[path] ?? { from: "default" };
    return { path, value: valueAt(config, path), origin, variable, effective };
  });
  if (asJson) {
    return printJson(
      Object.fromEntries(
        rows.map(({ path, value, origin, variable, effective }) => [path, { value, origin, variable, effective }]),
      ),
    );
  }
  printTable(
    ["SETTING", "VALUE", "FROM"],
    rows.map(({ path, value, origin }) => [path, valueWords(value), originWords(origin)]),
  );
}

/** Opens the settings of a VM, or of all, in the user's editor. */
export async function editConfig(vm: string | undefined): Promise<void> {
  const place = await placeOf(vm);
  const { changed, resumed } = await editFile(place.file, async (draft) => {
    await runEditor(draft);
  });
  if (resumed) say(`The draft ${draftOf(place.file)} was taken up again.`);
  if (changed.length === 0) return say("No setting has changed.");
  succeed(`${counted(changed.length, "setting")} changed in ${place.file}.`);
  await sayWhen(place.paths, changed);
}

/** Sets settings; the first word names a VM when it has no `=`. */
export async function setConfig(words: readonly string[], all: boolean): Promise<void> {
  const { vm, rest } = split(words, all, (word) => !word.includes("="));
  if (rest.length === 0) throw nothingNamed("config set cpus=4");
  await change(vm, changesIn(rest));
}

/** Takes settings out; the first word names a VM when there is no such setting. */
export async function unsetConfig(words: readonly string[], all: boolean): Promise<void> {
  const { vm, rest } = split(words, all, (word) => words.length > 1 && !leaves.some(({ path }) => path === word));
  if (rest.length === 0) throw nothingNamed("config unset cpus");
  await change(vm, new Map(rest.map((path) => [leafAt(path).path, undefined])));
}

// --- internal ---

type Place = { readonly file: string; readonly paths: VmPaths | undefined };

/** The file of a VM, which must be there, or the one of all. */
async function placeOf(vm: string | undefined): Promise<Place> {
  const { layout, paths } = vmHere(vm ?? "default");
  if (vm === undefined) return { file: layout.config, paths: undefined };
  await requireVm(paths, `\`qn up ${vm}\` makes it; \`--all\` is for the settings of all VMs.`);
  return { file: paths.config, paths };
}

function split(
  words: readonly string[],
  all: boolean,
  isName: (word: string) => boolean,
): { readonly vm: string | undefined; readonly rest: readonly string[] } {
  const [first] = words;
  if (all) return { vm: undefined, rest: words };
  return first !== undefined && isName(first) ? { vm: first, rest: words.slice(1) } : { vm: "default", rest: words };
}

function nothingNamed(example: string): QnError {
  return new QnError("USAGE", "No setting is named.", { hint: `As in \`qn ${example}\`.` });
}

async function change(vm: string | undefined, changes: ReadonlyMap<string, unknown>): Promise<void> {
  const { file, paths } = await placeOf(vm);
  await changeFile(file, changes);
  succeed(`${counted(changes.size, "setting")} written to ${file}.`);
  await sayWhen(paths, [...changes.keys()]);
}

/** Says what each setting is now, who overrides it, and when it counts. */
async function sayWhen(paths: VmPaths | undefined, changed: readonly string[]): Promise<void> {
  if (paths === undefined) return say("VMs that run get it at their next start, and a VM's own settings win.");
  const { config, origins } = await effectiveConfig(paths, process.env);
  const running = await isRunning(paths);
  for (const path of changed) {
    const origin = origins[path] ?? { from: "default" };
    const by = origin.from === "file" && origin.path === paths.config ? "" : ` (${originWords(origin)})`;
    const restart = running ? `: qn restart ${paths.name}` : "";
    const when = leafAt(path).effective === "now" ? ", from now on" : `, from the next start on${restart}`;
    say(`  ${path} is ${valueWords(valueAt(config, path))}${by}${when}`);
  }
}

/** A VM that does not answer may run: it is said rather once too often when a change counts. */
async function isRunning(paths: VmPaths): Promise<boolean> {
  try {
    const { state } = await statusOfVm(paths, process.env);
    return state !== "stopped" && state !== "failed";
  } catch {
    return true;
  }
}

/** Runs the user's editor as git does: through a shell, since the variable may hold options. */
async function runEditor(draft: string): Promise<void> {
  const editor = [process.env["VISUAL"], process.env["EDITOR"]].find((name) => name !== undefined && name !== "");
  const child = Bun.spawn(["/bin/sh", "-c", `${editor ?? "vi"} "$@"`, "sh", draft], {
    stdin: "inherit",
    stdout: "inherit",
    stderr: "inherit",
  });
  const status = await child.exited;
  if (status === 0) return;
  throw new QnError("TOOL_MISSING", `The editor ${editor ?? "vi"} ended with status ${status}.`, {
    hint: `Set VISUAL or EDITOR to an editor that you have. The draft is kept: ${draft}.`,
  });
}

function originWords(origin: Origin): string {
  switch (origin.from) {
    case "default":
      return "default";
    case "file":
      return origin.path;
    case "environment":
      return origin.variable;
    case "flag":
      return "the command line";
  }
}

function valueWords(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
