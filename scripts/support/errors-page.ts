/** The page of the documentation that lists every error: made from the catalogue, so that it cannot differ from it. */
import { errorTable } from "../../src/base/errors.ts";

/** docs/errors.md, whole. */
export function errorsPage(): string {
  const rows = errorTable()
    .toSorted((a, b) => a.exit - b.exit)
    .map(({ code, exit, hint }) => `| ${exit} | \`${code}\` | ${hint} |`);
  return `# Errors and exit statuses

Every failure of qn has a code, which stands in brackets behind the message and in the answers of \`--json\`, an exit
status, and a hint. 0 means done. \`qn ssh\` ends with the status of the command in the guest.

| Exit | Code | Hint |
|---|---|---|
${rows.join("\n")}

This page is made from \`src/base/errors.ts\` by \`bun scripts/docs.ts\`.
`;
}
