/** From the text of a variable or of the command line to a setting's value, as its schema wants it. */
import type * as v from "valibot";

/**
 * The value that `text` stands for: a number or a switch where the schema wants one, a list or a mapping written in
 * YAML where it wants that. What cannot be read stays as it is, so that the schema's message shows it.
 */
export function valueOf({ type }: v.GenericSchema, text: string): unknown {
  switch (type) {
    case "string":
    case "picklist":
      return text;
    case "number":
      return text.trim() === "" || Number.isNaN(Number(text)) ? text : Number(text);
    case "boolean":
      return text === "true" || (text === "false" ? false : text);
    default:
      return fromYaml(text);
  }
}

// --- internal ---

function fromYaml(text: string): unknown {
  try {
    return Bun.YAML.parse(text);
  } catch {
    return text;
  }
}
