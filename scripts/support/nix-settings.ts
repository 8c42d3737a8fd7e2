/** The table of settings as nix/modules/settings.nix reads it: made from the schema, so that Nix knows the same ones. */
import { editorSchema } from "../../src/host/config/editor-schema.ts";
import { valueAt } from "../../src/host/config/setting.ts";

/** nix/modules/settings.json, whole: the JSON Schema of each setting, by name. */
export function nixSettings(): string {
  return `${JSON.stringify(valueAt(editorSchema(), "properties"), undefined, 2)}\n`;
}
