/** Puts a VM's settings together: defaults, then the file, then QN_* variables, then flags; the last one wins. */
import * as v from "valibot";
import { messageOf, QnError } from "../../base/errors.ts";
import { nearest } from "../../base/words.ts";
import { type ConfigInput, configSchema, defaults, type HostSize, knownNames, type VmConfig } from "./schema.ts";

/** Where a value comes from. */
export type Origin = "default" | "file" | "environment" | "flag";

/** The effective settings, and where each comes from. */
export type Loaded = { readonly config: VmConfig; readonly origins: Readonly<Record<keyof VmConfig, Origin>> };

/** What there is to put together; `file` is the text of config.yaml and `path` its place, for messages. */
export type Sources = {
  readonly host: HostSize;
  readonly file?: { readonly path: string; readonly text: string } | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly flags: ConfigInput;
};

/** The variables that set a value, by setting. */
const variables = {
  arch: { name: "QN_ARCH", parse: asText },
  cpus: { name: "QN_CPUS", parse: asNumber },
  memoryMiB: { name: "QN_MEMORY_MIB", parse: asNumber },
  diskGiB: { name: "QN_DISK_GIB", parse: asNumber },
  image: { name: "QN_IMAGE", parse: asText },
  accel: { name: "QN_ACCEL", parse: asText },
} as const satisfies Partial<Record<keyof VmConfig, { name: string; parse: (text: string) => string | number }>>;

/** The effective settings. Throws CONFIG_INVALID with every mistake of every source at once. */
export function loadConfig({ host, file, env, flags }: Sources): Loaded {
  const layers: readonly { origin: Origin; where: string; values: unknown }[] = [
    { origin: "file", where: file?.path ?? "config.yaml", values: file === undefined ? {} : parseYaml(file) },
    { origin: "environment", where: "the environment", values: fromEnvironment(env) },
    { origin: "flag", where: "the command line", values: flags },
  ];
  const mistakes = layers.flatMap((layer) => mistakesIn(layer.values, layer.where));
  if (mistakes.length > 0) {
    const subject = mistakes.length === 1 ? "A setting is" : `${mistakes.length} settings are`;
    throw new QnError("CONFIG_INVALID", `${subject} wrong.`, { details: mistakes });
  }
  let config = defaults(host);
  const origins = allFrom("default");
  const settings = v.keyof(configSchema).options;
  for (const layer of layers) {
    const values = v.parse(configSchema, layer.values);
    for (const key of settings) if (values[key] !== undefined) origins[key] = layer.origin;
    config = overlay(config, values);
  }
  return { config, origins };
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

function allFrom(origin: Origin): Record<keyof VmConfig, Origin> {
  return {
    arch: origin,
    cpus: origin,
    memoryMiB: origin,
    diskGiB: origin,
    image: origin,
    accel: origin,
    mounts: origin,
    ports: origin,
    sound: origin,
    window: origin,
  };
}

function parseYaml(file: { path: string; text: string }): unknown {
  try {
    return Bun.YAML.parse(file.text) ?? {};
  } catch (cause) {
    throw new QnError("CONFIG_INVALID", `${file.path} is not YAML: ${messageOf(cause)}.`, { cause });
  }
}

function fromEnvironment(env: Readonly<Record<string, string | undefined>>): Record<string, string | number> {
  const values: Record<string, string | number> = {};
  for (const [key, { name, parse }] of Object.entries(variables)) {
    const text = env[name];
    if (text !== undefined && text !== "") values[key] = parse(text);
  }
  return values;
}

function mistakesIn(values: unknown, where: string): string[] {
  // valibot takes a list for a mapping of numbers.
  if (Array.isArray(values)) return [`${noMapping} (${where})`];
  const result = v.safeParse(configSchema, values, { abortPipeEarly: true });
  return result.success ? [] : result.issues.flatMap(describe).map((mistake) => `${mistake} (${where})`);
}

function describe(issue: v.BaseIssue<unknown>): string[] {
  const path = v.getDotPath(issue) ?? "";
  if (path === "") return [noMapping];
  if (issue.expected === "never") return unknownNames(issue, path);
  if (issue.type !== "strict_object") return [`${path} ${issue.message}, got ${JSON.stringify(issue.input)}`];
  if (issue.input === undefined) return [`${path} is missing`];
  return [`${path} must be a mapping of names to values, got ${JSON.stringify(issue.input)}`];
}

const noMapping = "The settings must be a mapping of names to values.";

/** Every unknown name beside the one that valibot stopped at. */
function unknownNames(issue: v.BaseIssue<unknown>, path: string): string[] {
  const place = path.split(".").slice(0, -1);
  const known = knownNames[place[0] ?? ""] ?? [];
  const beside: unknown = issue.path?.at(-1)?.input;
  return Object.keys(beside ?? {})
    .filter((name) => !known.includes(name))
    .map((name) => {
      const near = nearest(name, known);
      const hint = near === undefined ? "" : `; did you mean ${near}?`;
      return `${[...place, name].join(".")} is not a known setting${hint}`;
    });
}

/** The settings of `over` where it has them, those of `under` elsewhere. */
function overlay(under: VmConfig, over: v.InferOutput<typeof configSchema>): VmConfig {
  return {
    arch: over.arch ?? under.arch,
    cpus: over.cpus ?? under.cpus,
    memoryMiB: over.memoryMiB ?? under.memoryMiB,
    diskGiB: over.diskGiB ?? under.diskGiB,
    image: over.image ?? under.image,
    accel: over.accel ?? under.accel,
    mounts: over.mounts ?? under.mounts,
    ports: { bind: over.ports?.bind ?? under.ports.bind },
    sound: over.sound ?? under.sound,
    window: over.window ?? under.window,
  };
}

function asText(text: string): string {
  return text;
}

/** What is no number stays as it is, so that the message shows it. */
function asNumber(text: string): number | string {
  const number = Number(text);
  return Number.isNaN(number) ? text : number;
}
