/** The settings as a JSON Schema, with which editors complete and check a config.yaml. */
import { toJsonSchema } from "@valibot/to-json-schema";
import { describedSchema } from "./schema.ts";

/** The JSON Schema (draft 07, which every editor knows) of a file of settings. */
export function editorSchema(): Record<string, unknown> {
  // What a schema checks by a function has no word in JSON Schema; qn itself checks it.
  return {
    ...toJsonSchema(describedSchema(), { typeMode: "input", errorMode: "ignore" }),
    title: "Settings of a qn VM",
  };
}
