/** Evaluates nix/check by a real Nix with nothing but nixpkgs' `lib`; tests are skipped where one of them is missing. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { findProgram, type Outcome, run } from "../../src/system/process.ts";
import { repository } from "./program.ts";

/** nixpkgs' `lib`: where NIXPKGS_LIB says, or that of the channel. */
const lib = process.env["NIXPKGS_LIB"] ?? "<nixpkgs/lib>";

/** Checkouts of nix-darwin and home-manager, whose modules then judge ours. */
const checkouts = { nixDarwin: process.env["NIX_DARWIN"], homeManager: process.env["HOME_MANAGER"] } as const;

/** The folder of that lib. */
export async function libFolder(): Promise<string> {
  const { stdout, stderr } = await run(["nix-instantiate", "--eval", "--json", "-E", `toString (${lib})`], {
    env: evaluator ?? {},
  });
  if (stdout === "") throw new Error(stderr);
  return JSON.parse(stdout) as string;
}

/**
 * Evaluates without a store: nothing is left on this machine, and a user needs no way to Nix' daemon. Undefined where Nix or the lib
 * is missing.
 */
const evaluator = await firstThatEvaluates([{ ...process.env, NIX_REMOTE: "dummy://" }, process.env]);

/** What nix/check can say. */
export type Attribute = "guest" | "host" | "darwin" | "home" | "packages" | "flake" | "templates" | "options";

/** What an attribute needs besides Nix and lib. */
const needs: Partial<Record<Attribute, keyof typeof checkouts>> = { darwin: "nixDarwin", home: "homeManager" };

/** A test that is skipped where Nix cannot evaluate these attributes. */
export function evaluated(
  name: string,
  attributes: readonly Attribute[],
  action: () => Promise<void>,
  deadlineMs = 120_000,
): void {
  test.skipIf(!attributes.every(isAtHand))(name, action, deadlineMs);
}

/** True when Nix, a lib and whatever else is needed are there. */
function isAtHand(attribute: Attribute): boolean {
  const need = needs[attribute];
  return evaluator !== undefined && (need === undefined || checkouts[need] !== undefined);
}

/** Systems by the kind of machine that a module is for. */
export const systems = {
  linux: ["x86_64-linux", "aarch64-linux"],
  darwin: ["x86_64-darwin", "aarch64-darwin"],
} as const;

/** Evaluates an attribute with what somebody might write into their configuration, a Nix expression. */
async function evaluate(attribute: Attribute, system: string, module = "{ }"): Promise<Outcome> {
  const given = Object.entries(checkouts).flatMap(([name, path]) => (path === undefined ? [] : ["--arg", name, path]));
  const command = ["nix-instantiate", "--eval", "--strict", "--json", join(repository, "nix/check"), "-A", attribute];
  const words = ["--arg", "nixpkgsLib", lib, "--argstr", "system", system, "--arg", "module", module, ...given];
  return await run([...command, ...words], { env: evaluator ?? {} });
}

/** The same, parsed. Throws with what Nix says. */
export async function valueOf<Value>(attribute: Attribute, system: string, module?: string): Promise<Value> {
  const { exitCode, stdout, stderr } = await evaluate(attribute, system, module);
  if (exitCode !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as Value;
}

/** A configuration that has to be refused, and words that the refusal has to have. */
export type Mistake = readonly [module: string, words: string];

/** A test: each of these configurations is refused on every system, with words that name what is wrong. */
export function refuses(
  attribute: Attribute,
  where: readonly string[],
  mistakes: Readonly<Record<string, Mistake>>,
): void {
  evaluated(`${attribute}: ${Object.keys(mistakes).length} mistakes are refused by name`, [attribute], async () => {
    const problems: string[] = [];
    for (const [name, [module, words]] of Object.entries(mistakes)) {
      const said = await Promise.all(where.map((system) => evaluate(attribute, system, module)));
      for (const { exitCode, stderr } of said) {
        if (exitCode === 0) problems.push(`${name} is let through: ${module}`);
        else if (!stderr.replaceAll(/\s+/g, " ").includes(words)) problems.push(`${name} is not said: ${stderr}`);
      }
    }
    expect(problems).toEqual([]);
  });
}

// --- internal ---

type Variables = Readonly<Record<string, string | undefined>>;

async function firstThatEvaluates(tries: readonly Variables[]): Promise<Variables | undefined> {
  if (findProgram("nix-instantiate") === undefined) return undefined;
  for (const env of tries) {
    const { exitCode } = await run(["nix-instantiate", "--eval", "-E", `(import ${lib}).version`], { env });
    if (exitCode === 0) return env;
  }
  return undefined;
}
