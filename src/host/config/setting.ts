/** How a setting is described, and what follows from the descriptions: types, schema, leaves, variables. */
import * as v from "valibot";
import { lazily } from "../../base/lazily.ts";
import type { Arch, HostOs } from "../../base/words.ts";

/** What defaults depend on: the machine that qn runs on. */
export type HostSize = {
  readonly arch: Arch;
  readonly cpus: number;
  readonly memoryMiB: number;
  readonly homeFolder: string;
  readonly os: HostOs;
};

/** When a changed setting counts: qn reads it whenever it asks, or a VM that runs keeps what it was started with. */
export type Effective = "now" | "at the next start";

/**
 * One setting. `schema` gives what its value may be; `help` is one line for documents and editors; `rule` says how the
 * default follows from the machine, where it does.
 */
export type Setting<Schema extends v.GenericSchema = v.GenericSchema> = {
  readonly schema: () => Schema;
  readonly help: string;
  readonly initial: (host: HostSize) => v.InferOutput<Schema>;
  readonly effective: Effective;
  readonly rule?: string;
};

/** Settings that belong together, below one name. */
export type Section<Inner extends Readonly<Record<string, Setting>> = Readonly<Record<string, Setting>>> = {
  readonly help: string;
  readonly settings: Inner;
};

/** A table of settings by name. */
export type Settings = Readonly<Record<string, Setting | Section>>;

/** The effective values of a table: all are there. */
export type ConfigOf<Table extends Settings> = {
  readonly [Name in keyof Table]: Table[Name] extends Section<infer Inner>
    ? { readonly [Leaf in keyof Inner]: v.InferOutput<ReturnType<Inner[Leaf]["schema"]>> }
    : Table[Name] extends Setting<infer Schema>
      ? v.InferOutput<Schema>
      : never;
};

/** What a source may say about a table: all may be left out. */
export type InputOf<Table extends Settings> = {
  [Name in keyof Table]?:
    | (Table[Name] extends Section<infer Inner>
        ? { [Leaf in keyof Inner]?: v.InferInput<ReturnType<Inner[Leaf]["schema"]>> | undefined }
        : Table[Name] extends Setting<infer Schema>
          ? v.InferInput<Schema>
          : never)
    | undefined;
};

/** A setting at its place. */
export type Leaf = Setting & {
  /** As messages and `qn config set` write it: `cpus`, `ports.bind`. */
  readonly path: string;
  /** The variable that sets it: `QN_CPUS`, `QN_PORTS_BIND`. */
  readonly variable: string;
};

/** Describes a setting; unless it says otherwise, it counts at the VM's next start. */
export function setting<const Schema extends v.GenericSchema>(
  schema: () => Schema,
  help: string,
  initial: Setting<Schema>["initial"],
  effective: Effective = "at the next start",
  rule?: string,
): Setting<Schema> {
  return { schema: lazily(schema), help, initial, effective, ...(rule !== undefined && { rule }) };
}

/** Describes a section. */
export function section<const Inner extends Readonly<Record<string, Setting>>>(
  help: string,
  settings: Inner,
): Section<Inner> {
  return { help, settings };
}

/** Every setting of a table, those of sections too, in order. */
export function leavesOf(table: Settings): readonly Leaf[] {
  return Object.entries(table).flatMap(([name, entry]) =>
    "schema" in entry
      ? [leaf(name, entry)]
      : Object.entries(entry.settings).map(([inner, below]) => leaf(`${name}.${inner}`, below)),
  );
}

/** A setting's schema, or a section's, with what it is for. */
type Told = (schema: () => v.GenericSchema, help: string) => v.GenericSchema;

/** For editors; what only checks goes without, and without the schemas of settings that nobody says anything about. */
export const described: Told = (schema, help) => v.pipe(schema(), v.description(help));

/** The schema of a file with a table's settings: all may be left out, none may be unknown. */
export function schemaOf<Table extends Settings>(table: Table, told: Told = untold): v.GenericSchema<InputOf<Table>> {
  const schema = strict(
    Object.entries(table).map(([name, entry]) => [
      name,
      "schema" in entry
        ? told(entry.schema, entry.help)
        : told(
            lazily(() =>
              strict(Object.entries(entry.settings).map(([inner, below]) => [inner, told(below.schema, below.help)])),
            ),
            entry.help,
          ),
    ]),
  );
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the entries are the table's, whose type is known
  return schema as unknown as v.GenericSchema<InputOf<Table>>;
}

/** The value at a leaf's path of values that a schema has let through; undefined where there is none. */
export function valueAt(values: unknown, path: string): unknown {
  return path.split(".").reduce((value, name) => (isMapping(value) ? value[name] : undefined), values);
}

/** Values nested as their leaves' paths say. */
export function nested(values: ReadonlyMap<string, unknown>): Record<string, unknown> {
  const whole: Record<string, unknown> = {};
  const sections: Record<string, Record<string, unknown>> = {};
  for (const [path, value] of values) {
    const dot = path.indexOf(".");
    if (dot < 0) whole[path] = value;
    else {
      const name = path.slice(0, dot);
      whole[name] = sections[name] ??= {};
      sections[name][path.slice(dot + 1)] = value;
    }
  }
  return whole;
}

/** The other way: each value that was said, by the path of its leaf. */
export function valuesByPath(
  said: Readonly<Record<string, unknown>>,
  isLeaf: (path: string) => boolean,
): readonly (readonly [path: string, value: unknown])[] {
  return Object.entries(said).flatMap(([name, value]) =>
    isLeaf(name)
      ? [[name, value] as const]
      : Object.entries(asMapping(value)).map(([inner, below]) => [`${name}.${inner}`, below] as const),
  );
}

/** The names that may stand at `path` of a file with this schema, such as "" or "mounts.2"; none where values stand. */
export function namesAt(schema: v.GenericSchema, path: readonly string[]): readonly string[] {
  let place: unknown = unwrapped(schema);
  for (const name of path) {
    const { entries, item } = asMapping(place);
    place = unwrapped(isMapping(entries) ? entries[name] : item);
  }
  const { entries } = asMapping(place);
  return Object.keys(asMapping(entries));
}

// --- internal ---

function leaf(path: string, below: Setting): Leaf {
  return {
    ...below,
    path,
    // Most commands ask for no variable, and all of them take as long to be named as a file of settings to be read.
    get variable() {
      return `QN_${path.replaceAll(/(?<=[a-z])(?=[A-Z][a-z])|\./g, "_").toUpperCase()}`;
    },
  };
}

function strict(entries: readonly (readonly [string, v.GenericSchema])[]) {
  return v.strictObject(
    Object.fromEntries(entries.map(([name, schema]) => [name, v.optional(schema)])),
    "must be a mapping of names to values",
  );
}

const untold: Told = (schema) => v.lazy(schema);

/** The schema below `optional` and `lazy`. */
function unwrapped(schema: unknown): unknown {
  const { wrapped, getter } = asMapping(schema);
  if (typeof getter === "function") return unwrapped(getter());
  return wrapped === undefined ? schema : unwrapped(wrapped);
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function asMapping(value: unknown): Record<string, unknown> {
  return isMapping(value) ? value : {};
}
