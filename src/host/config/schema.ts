/** What follows from the table of settings: types, the check of what files say, and defaults. */
import type * as v from "valibot";
import { type ConfigOf, described, type HostSize, type InputOf, leavesOf, nested, schemaOf } from "./setting.ts";
import { settings } from "./settings-table.ts";
import type { shareSchema } from "./value-schemas.ts";

/** Every setting at its place, in the table's order. */
export const leaves = leavesOf(settings);

/** The settings of one VM as they stand in `config.yaml`: all may be left out, none may be unknown. */
export const configSchema = schemaOf(settings);

/** The same with what each is for. */
export const describedSchema = () => schemaOf(settings, described);

/** What a file, the environment or flags may say: a part of the settings. */
export type ConfigInput = InputOf<typeof settings>;

/** The effective settings of one VM. Units are in the names. */
export type VmConfig = ConfigOf<typeof settings>;

/** A share as the VM uses it. */
export type Share = Readonly<v.InferOutput<ReturnType<typeof shareSchema>>>;

/** The defaults on this host. */
export function defaults(host: HostSize): VmConfig {
  return asConfig(new Map(leaves.map(({ path, initial }) => [path, initial(host)])));
}

/** The effective settings from the value of each leaf. */
export function asConfig(values: ReadonlyMap<string, unknown>): VmConfig {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- every leaf has a value that its schema let through
  return nested(values) as VmConfig;
}
