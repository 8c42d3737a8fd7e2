/** The page of the documentation that lists every error: made from the catalogue, so that it cannot differ from it. */
import { errorTable } from "../../src/base/errors.ts";

/** docs/errors.md, whole. */
export function errorsPage(): string {
  const rows = errorTable()
    .toSorted((a, b) => a.exit - b.exit)
    .map(({ code, exit, hint }) => `| ${exit} | \`${code}\` | ${hint} |`);
  return `# Errors and exit statuses

Every failure of qn has a code, which is shown in brackets after the message, an exit status, and a hint. 0 means done.
\`qn ssh\` ends with the status of the command in the guest; \`qn doctor\` ends with 2 when it has found a problem, and
\`qn status\` and \`qn service status\` with 3 when there is nothing that runs or is installed.

A command that is given \`--json\` prints a failure on standard output, as one object on one line:

\`\`\`json
{ "error": { "code": "NO_SUCH_VM", "message": "There is no VM \\"web\\".", "hint": "…", "status": 4, "details": [] } }
\`\`\`

| Exit | Code | Hint |
|---|---|---|
${rows.join("\n")}

This page is made from \`src/base/errors.ts\` by \`bun scripts/docs.ts\`.
`;
}
