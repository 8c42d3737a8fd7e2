/** `nix flake check` and `nix flake show` of the repository and of its templates, with stand-ins for what a network would bring. */
import { afterAll, expect } from "bun:test";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Outcome, run } from "../../../src/system/process.ts";
import { ownStore } from "../../support/guest-nix.ts";
import { evaluated, libFolder, systems } from "../../support/nix.ts";
import { repository } from "../../support/program.ts";

/** A flake called nixpkgs, a copy of the repository without what is made from it, and a store for both. */
const folder = await mkdtemp(join(tmpdir(), "qn-flake-"));
const [nixpkgs, qn] = [join(folder, "nixpkgs"), join(folder, "qn")];
afterAll(() => run(["sh", "-c", 'chmod -R u+w "$1" && rm -rf "$1"', "sh", folder]));

const standIn = `{
  outputs = _: builtins.removeAttrs (import ./check/nixpkgs.nix ./lib) [ "checked" "nixosWith" "pkgsFor" ];
}
`;

/** Puts both there, once. */
const ready = once(async () => {
  await mkdir(nixpkgs);
  await cp(join(repository, "nix/check"), join(nixpkgs, "check"), { recursive: true });
  await cp(await libFolder(), join(nixpkgs, "lib"), { recursive: true });
  await writeFile(join(nixpkgs, "flake.nix"), standIn);
  const made = new Set(["node_modules", "dist", ".git"].map((name) => join(repository, name)));
  await cp(repository, qn, { recursive: true, filter: (path) => !made.has(path) });
});

/** Runs `nix flake ACTION` on a flake with these inputs in place of its own. */
async function flake(action: readonly string[], path: string, inputs: Readonly<Record<string, string>>) {
  await ready();
  const overrides = Object.entries(inputs).flatMap(([name, place]) => ["--override-input", name, `path:${place}`]);
  const command = ["nix", "--extra-experimental-features", "nix-command flakes", "flake", ...action, `path:${path}`];
  const env = { ...process.env, ...ownStore(join(folder, "own")) };
  return await run([...command, "--no-write-lock-file", ...overrides], { env });
}

const check = (path: string, inputs: Readonly<Record<string, string>>): Promise<Outcome> =>
  flake(["check", "--no-build"], path, inputs);

evaluated("the repository's flake passes `nix flake check`, and a mistake in it does not", ["flake"], async () => {
  const { exitCode, stderr } = await check(qn, { nixpkgs });
  expect([exitCode, stderr]).toEqual([0, expect.stringContaining("evaluating flake")]);
  const wrong = join(folder, "wrong");
  await cp(qn, wrong, { recursive: true });
  const module = join(wrong, "nix/modules/guest.nix");
  await writeFile(module, (await readFile(module, "utf8")).replace("growPartition =", "growPartitions ="));
  const refused = await check(wrong, { nixpkgs });
  expect([refused.exitCode, refused.stderr]).toEqual([1, expect.stringContaining("boot.growPartitions")]);
  await rm(wrong, { recursive: true });
});

evaluated("`nix flake show` has the packages of four systems", ["flake"], async () => {
  const asked = await flake(["show", "--json", "--all-systems"], qn, { nixpkgs });
  // Nix 2.8 shows all systems unasked, and knows no such flag.
  const old = asked.stderr.includes("unrecognised flag");
  const { stdout } = old ? await flake(["show", "--json"], qn, { nixpkgs }) : asked;
  type Shown = { packages: Record<string, Record<string, { name: string; type: string }>> };
  const { packages } = JSON.parse(stdout) as Shown;
  expect(Object.keys(packages).toSorted()).toEqual([...systems.darwin, ...systems.linux].toSorted());
  for (const each of Object.values(packages)) {
    expect(each).toMatchObject({
      qn: { name: expect.stringMatching(/^qn-\d/), type: "derivation" },
      "qn-agent": { name: expect.stringMatching(/^qn-agent-\d/) },
    });
  }
});

for (const name of ["guest", "nixos", "project"]) {
  evaluated(`the template ${name} passes \`nix flake check\``, ["flake"], async () => {
    await ready();
    const path = join(qn, "nix/templates", name);
    const { exitCode, stderr } = await check(path, { qn, "qn/nixpkgs": nixpkgs });
    expect([exitCode, stderr]).toEqual([0, expect.any(String)]);
  });
}

// --- internal ---

function once<Value>(make: () => Promise<Value>): () => Promise<Value> {
  let made: Promise<Value> | undefined;
  return () => (made ??= make());
}
