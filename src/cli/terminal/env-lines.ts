/** Environment variables in the syntax and quoting of each shell. */
import { quoted } from "../../base/shell.ts";
import { QnError } from "../../base/errors.ts";

/** `DOCKER_HOST` for `shell`: bash, zsh, fish or json. Throws USAGE for another one. */
export function renderEnv(shell: string, dockerSocket: string): string {
  const render = Object.hasOwn(renderers, shell) ? renderers[shell] : undefined;
  if (render === undefined) {
    throw new QnError("USAGE", `--shell is "${shell}"; it is one of ${Object.keys(renderers).join(", ")}.`);
  }
  return render({ DOCKER_HOST: `unix://${dockerSocket}` });
}

// --- internal ---

type Variables = Readonly<Record<string, string>>;

const renderers: Readonly<Record<string, (variables: Variables) => string>> = {
  bash: exportLines,
  zsh: exportLines,
  fish: (variables) => lines(variables, (name, value) => `set -gx ${name} '${value.replaceAll(/['\\]/g, "\\$&")}';`),
  json: (variables) => `${JSON.stringify(variables, undefined, 2)}\n`,
};

function exportLines(variables: Variables): string {
  return lines(variables, (name, value) => `export ${name}=${quoted(value)}`);
}

function lines(variables: Variables, line: (name: string, value: string) => string): string {
  return Object.entries(variables)
    .map(([name, value]) => `${line(name, value)}\n`)
    .join("");
}
