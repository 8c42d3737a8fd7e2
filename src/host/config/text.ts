/** From the text of a variable or of the command line to a setting's value, as its schema wants it. */
import { otherArchNames, sizeIn } from "../../base/words.ts";
import type { Leaf } from "./setting.ts";

/**
 * The value that `text` stands for: a number or a switch where the schema wants one, a list or a mapping written in
 * YAML where it wants that; amounts may have a unit (`8G`), architectures Docker's names. What cannot be read stays as
 * it is, so that the schema's message shows it.
 */
export function valueOf({ path, schema }: Pick<Leaf, "path" | "schema">, text: string): unknown {
  switch (schema().type) {
    case "string":
      return text;
    case "picklist":
      return path === "arch" && Object.hasOwn(otherArchNames, text) ? otherArchNames[text] : text;
    case "number":
      return numberIn(path, text);
    case "boolean":
      return text === "true" || (text === "false" ? false : text);
    default:
      return fromYaml(text);
  }
}

// --- internal ---

/** Settings whose names end with a unit take other units, too. */
function numberIn(path: string, text: string): number | string {
  const unit = (["MiB", "GiB"] as const).find((each) => path.endsWith(each));
  const size = unit === undefined ? undefined : sizeIn(unit, text);
  if (size !== undefined) return size;
  return text.trim() === "" || Number.isNaN(Number(text)) ? text : Number(text);
}

function fromYaml(text: string): unknown {
  try {
    return Bun.YAML.parse(text);
  } catch {
    return text;
  }
}
