/** The page of the documentation that lists every command, from the table that runs them, as help and manual pages are. */
import { helpParts, type Part } from "../../src/cli/help-parts.ts";
import { wrapped } from "../../src/cli/help.ts";
import { everyCommand } from "../../src/cli/man.ts";
import type { Root } from "../../src/cli/tree.ts";

/** docs/commands.md, whole. */
export async function commandsPage(root: Root): Promise<string> {
  const [whole, ...all] = await everyCommand(root);
  const parts = all.map((found) => {
    const [about, ...rest] = helpParts(root, found);
    const own = rest.filter((part) => !("heading" in part && part.heading === "Everywhere"));
    return [`## ${root.name} ${found.path}`, ...[about, ...own].flatMap(paragraphs)].join("\n\n");
  });
  const everywhere = whole === undefined ? [] : helpParts(root, whole).filter(isEverywhere);
  return `# Commands

What \`qn help COMMAND\` and \`qn man COMMAND\` say. A VM that is not named is \`default\`. What stands
behind \`--\` belongs to the command that runs in the guest. [Errors](errors.md) has the exit
statuses, [JSON](json.md) the fields of \`--json\`.

${everywhere.flatMap(paragraphs).join("\n\n")}

${parts.join("\n\n")}

This page is made from \`src/cli/commands.ts\` by \`bun scripts/docs.ts\`.
`;
}

// --- internal ---

function isEverywhere(part: Part): boolean {
  return "heading" in part && part.heading === "Everywhere";
}

function paragraphs(part: Part | undefined): string[] {
  if (part === undefined) return [];
  if ("text" in part) return [wrapped(part.text, 100).join("\n")];
  const heading = part.heading === undefined ? [] : [`${part.heading}:`];
  if ("typed" in part)
    return part.typed.length === 0 ? [] : [...heading, `\`\`\`text\n${part.typed.join("\n")}\n\`\`\``];
  const rows = part.rows.map(([left, text]) => `| \`${left}\` | ${text.replaceAll("|", "\\|")} |`);
  return [`| ${part.heading} | |\n|---|---|\n${rows.join("\n")}`];
}
