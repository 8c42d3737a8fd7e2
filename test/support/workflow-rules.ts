/** What every workflow of GitHub's has to keep to: few rights, pinned actions, scripts that are there. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import * as v from "valibot";
import { repository } from "./program.ts";

const permissions = v.record(v.string(), v.picklist(["read", "write", "none"]));

const workflowSchema = v.object({
  name: v.string(),
  on: v.record(v.string(), v.unknown()),
  permissions,
  jobs: v.record(
    v.string(),
    v.object({
      "runs-on": v.string(),
      "timeout-minutes": v.number(),
      permissions: v.optional(permissions),
      steps: v.array(
        v.object({
          uses: v.optional(v.string()),
          run: v.optional(v.string()),
          with: v.optional(v.record(v.string(), v.unknown())),
        }),
      ),
    }),
  ),
});

/** Rights to write that a job may have, and for what. */
const mayWrite: Readonly<Record<string, readonly string[]>> = {
  "release make": ["id-token", "attestations"],
  "release publish": ["contents"],
};

/** Everything that is wrong with a workflow's text; nothing when all is well. */
export function workflowProblems(text: string): readonly string[] {
  const parsed = v.safeParse(workflowSchema, parse(text));
  if (!parsed.success) return parsed.issues.map((issue) => `${v.getDotPath(issue) ?? "the top"}: ${issue.message}`);
  const { name, on, jobs, permissions: common } = parsed.output;
  const problems: string[] = [];
  if (!/^#.*never run|^#(?:.*\n#)*.*never run/m.test(text)) problems.push("does not say that it has never run");
  if ("pull_request_target" in on) problems.push("runs a stranger's change with rights of its own");
  if (!Bun.deepEquals(common, { contents: "read" })) problems.push("has more rights than to read");
  for (const line of text.split("\n")) {
    const [, action, comment] = /^\s*(?:- )?uses: (\S+)(.*)$/.exec(line) ?? [];
    if (action === undefined) continue;
    if (!/^[\w-]+\/[\w-]+@[0-9a-f]{40}$/.test(action)) problems.push(`${action} is not pinned to a commit`);
    if (!/^ # v\d+\.\d+\.\d+$/.test(comment ?? "")) problems.push(`${action} does not say which release that is`);
  }
  for (const [job, { permissions: own = {}, steps }] of Object.entries(jobs)) {
    const writes = Object.entries(own).flatMap(([right, level]) => (level === "write" ? [right] : []));
    const extra = writes.filter((right) => mayWrite[`${name} ${job}`]?.includes(right) !== true);
    problems.push(...extra.map((right) => `${job} may write ${right}`));
    for (const { uses = "", run = "", with: given = {} } of steps) {
      if (uses.startsWith("actions/checkout@") && given["persist-credentials"] !== false) {
        problems.push(`${job} leaves its token in .git/config`);
      }
      // Words that others choose, such as the name of a branch, would be read by the shell.
      if (run.includes("${{")) problems.push(`${job} puts an expression into a script`);
      problems.push(...missingIn(run).map((path) => `${job} calls ${path}, which is not there`));
    }
  }
  return problems;
}

// --- internal ---

function missingIn(run: string): readonly string[] {
  const paths = [...run.matchAll(/(?<![\w./-])(?:\.\/)?((?:scripts|test|nix)\/[\w./-]*\w|install\.sh)/g)];
  return paths.map(([, path = ""]) => path).filter((path) => !existsSync(join(repository, path)));
}
