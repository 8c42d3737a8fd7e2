/** How a line of JSON becomes a value that can be trusted: one parser for everything that host and guest say. */
import * as v from "valibot";
import { QnError } from "../base/errors.ts";

/** A parser of one line. It throws PROTOCOL with what is wrong; unknown fields are ignored (version skew). */
export function parserOf<Schema extends v.GenericSchema>(what: string, schema: Schema) {
  return (line: string): v.InferOutput<Schema> => {
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch (cause) {
      throw new QnError("PROTOCOL", `The ${what} is not JSON.`, { cause });
    }
    const result = v.safeParse(schema, value);
    if (result.success) return result.output;
    const [issue] = result.issues;
    throw new QnError("PROTOCOL", `The ${what} is wrong at "${v.getDotPath(issue) ?? "the top"}": ${issue.message}.`);
  };
}
