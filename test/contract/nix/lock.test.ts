/** What CI's job `nix` says of flake.lock, by a real Nix in repositories whose one input is a folder. */
import { afterAll, expect } from "bun:test";
import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { run } from "../../../src/system/process.ts";
import { ownStore } from "../../support/guest-nix.ts";
import { evaluated } from "../../support/nix.ts";
import { repository } from "../../support/program.ts";

const folder = await mkdtemp(join(tmpdir(), "qn-lock-"));
afterAll(() => run(["sh", "-c", 'chmod -R u+w "$1" && rm -rf "$1"', "sh", folder]));

type Workflow = { readonly jobs: { readonly nix: { readonly steps: readonly { readonly run?: string }[] } } };

/** The job's step about the lock. */
async function lockStep(): Promise<string> {
  const workflow = parse(await Bun.file(join(repository, ".github/workflows/ci.yml")).text()) as Workflow;
  return workflow.jobs.nix.steps.find((step) => step.run?.includes("nix flake lock"))?.run ?? "exit 99";
}

/** Runs a script in the repository as CI does: it ends at the first command that fails. */
async function inRepository(script: string) {
  const own = ownStore(join(folder, "own"));
  const NIX_CONFIG = `${own["NIX_CONFIG"] ?? ""}\nexperimental-features = nix-command flakes`;
  const env = { ...process.env, ...own, NIX_CONFIG };
  return await run(["bash", "-e", "-c", script], { cwd: join(folder, "qn"), env });
}

const commit = "git add --all && git -c user.name=ann -c user.email=ann@example.org commit --quiet --message=x";

/** The flake, with this folder as its input. */
const flakeOn = (name: string): string =>
  `{ inputs.nixpkgs.url = "path:${join(folder, name)}"; outputs = { nixpkgs, ... }: { inherit (nixpkgs) it; }; }`;

evaluated("CI makes the lock that nobody has committed, and refuses one that has to change", ["flake"], async () => {
  for (const name of ["first", "second"]) {
    await mkdir(join(folder, name));
    await writeFile(join(folder, name, "flake.nix"), `{ outputs = _: { it = "${name}"; }; }`);
  }
  const flake = join(folder, "qn/flake.nix");
  await mkdir(join(folder, "qn"));
  await writeFile(flake, flakeOn("first"));
  await inRepository(`git init --quiet && ${commit}`);
  const step = await lockStep();
  const lock = "git status --short flake.lock";

  expect(await inRepository(`${step}\n${lock}`)).toMatchObject({ exitCode: 0, stdout: " A flake.lock\n" });
  expect(await inRepository(`${commit}\n${step}\n${lock}`)).toMatchObject({ exitCode: 0, stdout: "" });
  // A change that asks for something else, committed as a change is, without its lock.
  await writeFile(flake, flakeOn("second"));
  const refused = await inRepository(`${commit}\n${step}`);
  expect([refused.exitCode, refused.stderr]).toEqual([1, expect.stringContaining("requires lock file changes")]);
  expect((await inRepository(lock)).stdout).toBe("");
});
