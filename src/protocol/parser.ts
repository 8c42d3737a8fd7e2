/** How a line of JSON becomes a value that can be trusted: one parser for everything that host and guest say. */
import * as v from "valibot";
import { QnError } from "../base/errors.ts";

/**
 * The most lists and objects of a line, by its letters `[` and `{`. A report of all ports has 5,000; what is read of a
 * line with hundreds of thousands takes many times its bytes.
 */
const nestsMax = 32_768;

/** A parser of one line. It throws PROTOCOL with what is wrong first; unknown fields are ignored (version skew). */
export function parserOf<Schema extends v.GenericSchema>(what: string, schema: Schema) {
  return (line: string): v.InferOutput<Schema> => checked(what, schema, valueIn(what, line));
}

/** What a line of JSON holds. Throws PROTOCOL when it is none, or dearer to read than anything that is said. */
export function valueIn(what: string, line: string): unknown {
  if (nestsIn(line) > nestsMax)
    throw new QnError("PROTOCOL", `The ${what} has more than ${nestsMax} lists and objects.`);
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new QnError("PROTOCOL", `The ${what} is not JSON.`, { cause });
  }
}

/** The value as the schema has it. Throws PROTOCOL with what is wrong first: a line can be wrong in as many places. */
export function checked<Schema extends v.GenericSchema>(
  what: string,
  schema: Schema,
  value: unknown,
): v.InferOutput<Schema> {
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw new QnError("PROTOCOL", `The ${what} is wrong at "${v.getDotPath(issue) ?? "the top"}": ${issue.message}.`);
}

// --- internal ---

function nestsIn(line: string): number {
  if (line.length <= nestsMax) return 0;
  let count = 0;
  for (let at = 0; at < line.length; at += 1) {
    const letter = line.codePointAt(at);
    if (letter === 0x5b || letter === 0x7b) count += 1;
  }
  return count;
}
