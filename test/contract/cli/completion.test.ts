/** Completion of qn's command line, by the shells themselves. */
import { expect, test } from "bun:test";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { completionScripts } from "../../../src/cli/completion/scripts.ts";
import { findProgram, run } from "../../../src/system/process.ts";
import { repository } from "../../support/program.ts";
import { tempHome } from "../../support/temp-home.ts";

/** How each shell gets the script, and shows what it would offer for the lines in ASKED, with `=` behind each. */
const shells: Readonly<Record<string, { readonly command: readonly string[]; readonly script: string }>> = {
  bash: {
    command: ["bash", "--norc", "-c"],
    script: `eval "$(qn completion bash)"
function=$(complete -p qn | sed 's/.*-F \\([^ ]*\\) .*/\\1/')
while IFS= read -r line; do
  IFS='|' read -ra COMP_WORDS <<< "$line"
  [ "\${line: -1}" = "|" ] && COMP_WORDS+=("")
  COMP_CWORD=$(( \${#COMP_WORDS[@]} - 1 ))
  $function </dev/null
  printf '%s\\n' "\${COMPREPLY[@]}" =
done <<< "$ASKED"`,
  },
  fish: {
    command: ["fish", "--no-config", "-c"],
    script: `qn completion fish | source
for line in (string split \\n -- $ASKED)
  complete -C (string replace -a '|' ' ' -- $line) | string replace -r '\\t.*' ''
  echo =
end`,
  },
};

/** A folder with `qn` as a program, and a QN_HOME with two VMs. */
async function place() {
  const home = await tempHome({ images: false });
  const program = join(home.path, "_bin/qn");
  for (const folder of ["_bin", "default", "web"]) await mkdir(join(home.path, folder));
  await writeFile(program, `#!/bin/sh\nexec '${process.execPath}' '${join(repository, "src/main.ts")}' "$@"\n`);
  await chmod(program, 0o755);
  const env = {
    ...process.env,
    HOME: home.path,
    QN_HOME: home.path,
    PATH: `${join(home.path, "_bin")}:${process.env["PATH"]}`,
  };
  return { env, [Symbol.asyncDispose]: () => home[Symbol.asyncDispose]() };
}

const lines: Readonly<Record<string, readonly string[]>> = {
  "qn|st": ["status"],
  "qn|status|": ["default", "web"],
  "qn|status|w": ["web"],
  "qn|ports|web|--w": ["--watch"],
  "qn|ports|": ["add", "default", "ls", "rm", "web"],
  "qn|env|--shell|f": ["fish"],
  "qn|logs|-f|d": ["default"],
  "qn|image|b": ["build"],
  "qn|completion|z": ["zsh"],
  "qn|up|--qui": ["--quiet"],
  "qn|config|set|web|files.t": ["files.tmp="],
};

for (const [shell, { command, script }] of Object.entries(shells)) {
  test.skipIf(findProgram(shell) === undefined)(
    `${shell} completes commands, flags, values and names of VMs`,
    async () => {
      await using at = await place();
      const asked = Object.keys(lines);
      const { stdout } = await run([...command, script], { env: { ...at.env, ASKED: asked.join("\n") } });
      const answers = stdout.split(/^=\n/m).map((answer) => answer.trim().split("\n").toSorted());
      const offered = Object.fromEntries(asked.map((line, index) => [line, answers[index] ?? []]));
      expect(offered).toEqual(lines as Record<string, string[]>);
    },
  );
}

test.skipIf(findProgram("zsh") === undefined)("zsh takes the script", async () => {
  const outcome = await run(["zsh", "-fc", 'compdef() { : }; eval "$(cat)"; whence -w _qn'], {
    stdin: Buffer.from(completionScripts["zsh"] ?? ""),
  });
  expect([outcome.stdout, outcome.stderr]).toEqual(["_qn: function\n", ""]);
});

test.skipIf(findProgram("zsh") === undefined)(
  "as a file in a folder of fpath it completes from the first time on",
  async () => {
    await using at = await place();
    const functions = join(at.env.HOME, "_functions");
    await mkdir(functions);
    await writeFile(join(functions, "_qn"), completionScripts["zsh"] ?? "");
    // What zsh does for a TAB behind "qn st": compadd stands for its list of what it offers.
    const script = `fpath=('${functions}' $fpath); autoload -U _qn
compadd() { print -l -- "\${found[@]}"; }
words=(qn st); CURRENT=2; _qn; _qn`;
    const outcome = await run(["zsh", "-fc", script], { env: at.env });
    expect([outcome.stdout, outcome.stderr]).toEqual(["status\nstatus\n", ""]);
  },
);
