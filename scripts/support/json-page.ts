/** The page of the documentation that lists every field of qn's JSON, from words that the types hold to it. */
import type { AnyField, AnyFields, AnyOutput } from "./json/fields.ts";
import { aboutEvents } from "./json/told.ts";
import { aboutThings } from "./json/things.ts";
import { aboutVms } from "./json/vms.ts";
import { wrapped } from "../../src/cli/help.ts";
import { jsonSchema } from "../../src/cli/terminal/print.ts";

/** Every output, in the order of the page. */
export const outputs: Readonly<Record<string, AnyOutput>> = { ...aboutVms, ...aboutThings, ...aboutEvents };

/** docs/json.md, whole. */
export function jsonPage(): string {
  const parts = Object.entries(outputs).map(([name, { is, text, fields }]) => {
    const before = is === "list" ? "[]" : "";
    const rows = rowsOf(before, fields).map(([path, kind, words]) => `| \`${path}\` | ${kind} | ${words} |`);
    return `## ${headings[name] ?? `qn ${name} --json`}\n\n${wrapped(text, 100).join("\n")}\n\n| field | is | says |\n|---|---|---|\n${rows.join("\n")}\n`;
  });
  return `# JSON

With \`--json\` commands print for programs: an object, a list of objects, or an object a line. Each
of these objects has \`"schema": ${jsonSchema}\`. New fields leave that number as it is, so pass over those
that you do not know; it grows when a field goes or means something else. Sizes are in bytes, times
in milliseconds, unless the name says otherwise. What is not known is null; a field that may be left
out says so. Control characters are escaped, whoever has written them.

Fields are written as jq takes them: \`qn ls --json | jq -r '.[].docker.socket'\`. Two outputs are
formats of others and have no \`schema\`: \`qn env --shell json\` is an object of variables, and
\`qn config schema\` is a JSON Schema.

${parts.join("\n")}
This page is made from \`scripts/support/json\` by \`bun scripts/docs.ts\`.
`;
}

/** By its path, each field of an output and all below. */
export function rowsOf(above: string, fields: AnyFields): (readonly [path: string, kind: string, text: string])[] {
  return Object.entries(fields).flatMap(([name, field]) => {
    const path = `${above}.${name}`;
    const below = fieldsBelow(field);
    const words = below === undefined && field[2] !== undefined ? `: ${wordsIn(field[2])}` : "";
    const isList = field[0].startsWith("list of objects");
    return [
      [path, field[0], `${field[1]}${words}`] as const,
      ...(below === undefined ? [] : rowsOf(`${path}${isList ? "[]" : ""}`, below)),
    ];
  });
}

// --- internal ---

const headings: Readonly<Record<string, string>> = {
  report: "qn report",
  events: "qn events --json and qn up --json",
  failure: "A failure",
};

function wordsIn(words: object): string {
  return Object.keys(words)
    .map((word) => `\`${word}\``)
    .join(", ");
}

function fieldsBelow([, , below]: AnyField): AnyFields | undefined {
  if (below === undefined) return undefined;
  const entries = Object.entries(below).filter((entry): entry is [string, AnyField] => typeof entry[1] !== "string");
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}
