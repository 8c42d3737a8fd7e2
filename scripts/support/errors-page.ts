/** The page of the documentation that lists every error and exit status: made from the tables that the program has. */
import { jsonSchema } from "../../src/cli/terminal/print.ts";
import { passedOn, statusTable } from "../../src/cli/statuses.ts";

/** docs/errors.md, whole. */
export function errorsPage(): string {
  const rows = statusTable().map(
    ({ exit, code, text }) => `| ${exit} | ${code === "" ? "" : `\`${code}\``} | ${text} |`,
  );
  return `# Errors and exit statuses

Every failure of qn has a code, which is shown in brackets after the message, an exit status, and a
hint. ${passedOn}

A command that is given \`--json\` prints a failure on standard output, as one object on one line:

\`\`\`json
{"schema":${jsonSchema},"error":{"code":"NO_SUCH_VM","message":"…","hint":"…","status":4,"details":[]}}
\`\`\`

| Exit | Code | Hint |
|---|---|---|
${rows.join("\n")}

This page is made from \`src/base/errors.ts\` and \`src/cli/statuses.ts\` by \`bun scripts/docs.ts\`.
`;
}
