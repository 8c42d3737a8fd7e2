/** DOCKER_HOST in the words of each shell; test/contract/cli/env-shells.test.ts lets real shells read them. */
import { expect, test } from "bun:test";
import { renderEnv } from "../../../../src/cli/terminal/env-lines.ts";
import { failureOf } from "../../../support/failures.ts";

const path = String.raw`/home/o'neil \ $HOME/docker.sock`;

test("each shell gets its own quotes", () => {
  expect(Object.fromEntries(["bash", "zsh", "fish", "json"].map((shell) => [shell, renderEnv(shell, path)]))).toEqual({
    bash: String.raw`export DOCKER_HOST='unix:///home/o'\''neil \ $HOME/docker.sock'` + "\n",
    zsh: String.raw`export DOCKER_HOST='unix:///home/o'\''neil \ $HOME/docker.sock'` + "\n",
    fish: String.raw`set -gx DOCKER_HOST 'unix:///home/o\'neil \\ $HOME/docker.sock';` + "\n",
    json: String.raw`{
  "DOCKER_HOST": "unix:///home/o'neil \\ $HOME/docker.sock"
}
`,
  });
});

test("an unknown shell is a mistake on the command line", async () => {
  for (const shell of ["csh", "", "toString", "constructor"]) {
    expect(await failureOf(() => renderEnv(shell, path))).toEqual({
      code: "USAGE",
      message: `--shell is "${shell}"; it is one of bash, zsh, fish, json.`,
    });
  }
});
