/** What qn prints for programs, beside the page that lists its fields. */
import { outputs, rowsOf } from "../../scripts/support/json-page.ts";

/** What is wrong with an answer, or a line of one: an object without its version, or a field that the page has not. */
export function wrongFields(heading: string, answer: unknown): string[] {
  const { is, fields } = outputs[heading] ?? { is: "object", fields: {} };
  if (Array.isArray(answer) !== (is === "list")) return [`${heading} is ${Array.isArray(answer) ? "a" : "no"} list`];
  const known = new Set([".schema", ...rowsOf("", fields).map(([path]) => path)]);
  const objects: unknown[] = Array.isArray(answer) ? answer : [answer];
  return objects.flatMap((object) => [
    ...(Object.entries(object ?? {})[0]?.join() === "schema,1" ? [] : [`${heading} has no version`]),
    ...pathsIn(object, "").filter((path) => !known.has(path)),
  ]);
}

// --- internal ---

/** The paths of the fields of a value, as the page writes them; settings have all names, and values of all kinds. */
function pathsIn(value: unknown, above: string): string[] {
  if (Array.isArray(value)) return value.flatMap((each) => pathsIn(each, `${above}[]`));
  if (typeof value !== "object" || value === null || above.startsWith(".settings.NAME.value")) return [];
  return Object.entries(value).flatMap(([name, each]) => {
    const path = `${above}.${above === ".settings" ? "NAME" : name}`;
    return [path, ...pathsIn(each, path)];
  });
}
