/** CycloneDX documents, held to the schema that the library brings along. */
import { join } from "node:path";
import Ajv from "ajv";
import { repository } from "./program.ts";

/** What CycloneDX's own schema has against a document. */
export async function schemaFaults(document: unknown): Promise<string[]> {
  const folder = join(repository, "node_modules/@cyclonedx/cyclonedx-library/res/schema");
  const read = async (file: string): Promise<object> => await Bun.file(join(folder, file)).json();
  const ajv = new Ajv({ strict: false, validateFormats: false });
  // They name each other by the library's names for them.
  for (const file of ["spdx.SNAPSHOT.schema.json", "jsf-0.82.SNAPSHOT.schema.json"])
    ajv.addSchema(await read(file), `http://cyclonedx.org/schema/${file}`);
  const validate = ajv.compile(await read("bom-1.6.SNAPSHOT.schema.json"));
  return validate(document) ? [] : (validate.errors ?? []).map((error) => `${error.instancePath} ${error.message}`);
}
