/** Puts a VM's settings together: defaults, then files, then QN_* variables, then flags; the last one wins. */
import * as v from "valibot";
import { messageOf, QnError } from "../../base/errors.ts";
import { nearest } from "../../base/words.ts";
import { asConfig, type ConfigInput, configSchema, leaves, type VmConfig } from "./schema.ts";
import { type HostSize, type Leaf, namesAt, nested, valuesByPath } from "./setting.ts";
import { valueOf } from "./text.ts";

/** Where a value comes from. */
export type Origin =
  | { readonly from: "default" }
  | { readonly from: "file"; readonly path: string }
  | { readonly from: "environment"; readonly variable: string }
  | { readonly from: "flag" };

/** The effective settings, and by the path of each, such as `ports.bind`, where it comes from. */
export type Loaded = { readonly config: VmConfig; readonly origins: Readonly<Record<string, Origin>> };

/** A file of settings: its text, and its place for messages. */
export type SettingsFile = { readonly path: string; readonly text: string };

/** What there is to put together; of `files` a later one wins. */
export type Sources = {
  readonly host: HostSize;
  readonly files: readonly SettingsFile[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly flags: ConfigInput;
};

/** The effective settings. Throws CONFIG_INVALID with every mistake of every source at once. */
export function loadConfig({ files, ...others }: Sources): Loaded {
  return loaderOf({ ...others, files: files.slice(0, -1) })(files.at(-1));
}

/**
 * The same for many VMs: reads what they share once, and gives the settings of the one whose own file is handed to it.
 * Throws CONFIG_INVALID for a file that is not YAML; what it gives throws it for every other mistake.
 */
export function loaderOf({ host, files, env, flags }: Sources): (own?: SettingsFile) => Loaded {
  const below = files.map((file) => checked(fileLayer(file)));
  const above = [
    ...environmentLayers(env),
    { origin: { from: "flag" }, where: "the command line", values: flags } as const,
  ].map(checked);
  const shared = new Map<string, unknown>();
  const sharedOrigins: Record<string, Origin> = {};
  for (const { path, initial } of leaves) {
    shared.set(path, initial(host));
    sharedOrigins[path] = { from: "default" };
  }
  for (const layer of below) put(shared, sharedOrigins, layer);
  return (own) => {
    const upper = [...(own === undefined ? [] : [checked(fileLayer(own))]), ...above];
    refuse([...below, ...upper].flatMap(({ mistakes }) => mistakes));
    const values = new Map(shared);
    const origins = { ...sharedOrigins };
    for (const layer of upper) put(values, origins, layer);
    return { config: asConfig(values), origins };
  };
}

/** Checks one file by itself. Throws CONFIG_INVALID with every mistake at once. */
export function checkFile(file: SettingsFile): void {
  refuse(check(fileLayer(file).values, file.path).mistakes);
}

/** Whether a word is a setting's path, or what a flag or another program calls one. */
export function isSettingName(word: string): boolean {
  return Object.hasOwn(otherNames, word) || leaves.some(({ path }) => path === word);
}

/**
 * The setting at a path, or the one that a flag or another program calls so (`memory`). Throws CONFIG_INVALID when
 * there is none, with the nearest known one.
 */
export function leafAt(path: string): Leaf {
  const own = Object.hasOwn(otherNames, path) ? otherNames[path] : path;
  const found = leaves.find((leaf) => leaf.path === own);
  if (found !== undefined) return found;
  const known = leaves.map((leaf) => leaf.path);
  const inside = known.filter((name) => name.startsWith(`${path}.`));
  const near =
    inside.length > 0 ? inside.join(", ") : (inSection(path) ?? nearest(path, [...known, ...Object.keys(otherNames)]));
  const hint = near === undefined ? {} : { hint: `Did you mean ${near}?` };
  throw new QnError("CONFIG_INVALID", `"${path}" is not a known setting.`, hint);
}

/** The settings that `qn up` hands to the supervisor, written as JSON. Throws CONFIG_INVALID. */
export function parseFlags(json: string): ConfigInput {
  try {
    return v.parse(configSchema, JSON.parse(json));
  } catch (cause) {
    throw new QnError("CONFIG_INVALID", `The flags ${json} are no settings: ${messageOf(cause)}.`, { cause });
  }
}

// --- internal ---

/** What flags and other programs call a setting. In a file there is one name for each, and these are suggested. */
const otherNames: Readonly<Record<string, string>> = {
  memory: "memoryMiB",
  disk: "diskGiB",
  cpu: "cpus",
  mount: "mounts",
};

/** The setting whose name in its section is this word: `files.tmp` for `tmp`. */
function inSection(word: string): string | undefined {
  return leaves.find(({ path }) => path.endsWith(`.${word}`))?.path;
}

type Layer = { readonly origin: Origin; readonly where: string; readonly values: unknown };

/** What a layer says as the schema lets it through, or what is wrong with it. */
type Checked = { readonly origin: Origin; readonly said: ConfigInput; readonly mistakes: readonly string[] };

function checked({ origin, where, values }: Layer): Checked {
  return { origin, ...check(values, where) };
}

/** Puts a layer on top of the values below it. */
function put(values: Map<string, unknown>, origins: Record<string, Origin>, { origin, said }: Checked): void {
  for (const [path, value] of valuesByPath(said, (name) => values.has(name))) {
    if (value === undefined) continue;
    values.set(path, value);
    origins[path] = origin;
  }
}

function refuse(mistakes: readonly string[]): void {
  if (mistakes.length === 0) return;
  const subject = mistakes.length === 1 ? "A setting is" : `${mistakes.length} settings are`;
  throw new QnError("CONFIG_INVALID", `${subject} wrong.`, { details: mistakes });
}

function fileLayer({ path, text }: SettingsFile): Layer {
  try {
    return { origin: { from: "file", path }, where: path, values: Bun.YAML.parse(text) ?? {} };
  } catch (cause) {
    throw new QnError("CONFIG_INVALID", `${path} is not YAML: ${messageOf(cause)}.`, { cause });
  }
}

/** A layer for each variable, so that origins and messages name it. */
function environmentLayers(env: Sources["env"]): readonly Layer[] {
  // QN_HOME is where the settings are, and no setting.
  if (!Object.keys(env).some((name) => name.startsWith("QN_") && name !== "QN_HOME")) return [];
  const given = leaves.filter(({ variable }) => (env[variable] ?? "") !== "");
  return given.map((leaf) => {
    const { path, variable } = leaf;
    const values = nested(new Map([[path, valueOf(leaf, env[variable] ?? "")]]));
    return { origin: { from: "environment", variable }, where: variable, values };
  });
}

function check(values: unknown, where: string): Omit<Checked, "origin"> {
  // valibot takes a list for a mapping of numbers.
  if (Array.isArray(values)) return { said: {}, mistakes: [`${noMapping} (${where})`] };
  const result = v.safeParse(configSchema, values, { abortPipeEarly: true });
  if (result.success) return { said: result.output, mistakes: [] };
  return { said: {}, mistakes: result.issues.flatMap(describe).map((mistake) => `${mistake} (${where})`) };
}

function describe(issue: v.BaseIssue<unknown>): string[] {
  const path = v.getDotPath(issue) ?? "";
  if (path === "") return [noMapping];
  if (issue.expected === "never") return unknownNames(issue, path);
  if (issue.type === "strict_object" && issue.input === undefined) return [`${path} is missing`];
  return [`${path} ${issue.message}, got ${JSON.stringify(issue.input)}`];
}

const noMapping = "The settings must be a mapping of names to values.";

/** Every unknown name beside the one that valibot stopped at. */
function unknownNames(issue: v.BaseIssue<unknown>, path: string): string[] {
  const place = path.split(".").slice(0, -1);
  const known = namesAt(configSchema, place);
  const beside: unknown = issue.path?.at(-1)?.input;
  return Object.keys(beside ?? {})
    .filter((name) => !known.includes(name))
    .map((name) => {
      const other = Object.hasOwn(otherNames, name) ? otherNames[name] : undefined;
      const near =
        other !== undefined && known.includes(other)
          ? other
          : ((place.length === 0 ? inSection(name) : undefined) ?? nearest(name, known));
      const hint = near === undefined ? "" : `; did you mean ${near}?`;
      return `${[...place, name].join(".")} is not a known setting${hint}`;
    });
}
