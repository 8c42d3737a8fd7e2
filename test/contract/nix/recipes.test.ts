/** The recipes of docs/nix.md: what a person copies from there evaluates, each with the modules that it is for. */
import { expect } from "bun:test";
import { join } from "node:path";
import { type Attribute, evaluated, valueOf } from "../../support/nix.ts";
import { repository } from "../../support/program.ts";

/** Each recipe that has Nix in it: its heading, what evaluates it and for which system, a name that has to come of it, and one of its options. */
const recipes: readonly (readonly [
  heading: string,
  attribute: Attribute,
  system: string,
  outcome: string,
  option: string,
])[] = [
  ["Docker on a Mac, declared", "darwin", "aarch64-darwin", "org.nixos.qn-default.plist", "logDir"],
  ["Containers without Docker", "guest", "x86_64-linux", "/home/ann/site-logs", "autoStart"],
  ["VMs as services of a NixOS machine", "host", "x86_64-linux", "qn-web-tap", "bridge"],
  ["One image, many machines", "host", "aarch64-linux", "-templates#mail", "settings"],
];

/** The Nix of each recipe by its heading. */
async function nixByHeading(): Promise<ReadonlyMap<string, string>> {
  const page = await Bun.file(join(repository, "docs/nix.md")).text();
  const sections = (page.split("## Recipes\n")[1] ?? "").split("\n### ").slice(1);
  return new Map(
    sections.flatMap((section) => {
      const nix = /```nix\n([^]*?)```/.exec(section)?.[1];
      return nix === undefined ? [] : [[section.split("\n")[0] ?? "", nix] as const];
    }),
  );
}

/** The words around a recipe that are the reader's own: inputs, an image, a folder, and the switch of the module. */
function wholeModule(recipe: string, attribute: Attribute): string {
  const text = recipe.replaceAll("./machines", join(repository, "nix/templates"));
  const own = attribute === "guest" ? "virtualisation.qn" : "services.qn";
  return `{ imports = [
    { ${own}.enable = true; }
    ({ pkgs, ... }: let
      system = "x86_64-linux";
      base = pkgs.writeText "image" "x";
      inputs.qn = { darwinModules.default = { }; nixosModules.host = { }; packages.\${system}.image = base; };
    in { ${text} })
  ]; }`;
}

evaluated("every recipe of docs/nix.md that has Nix in it is evaluated here", ["guest"], async () => {
  expect([...(await nixByHeading()).keys()]).toEqual(recipes.map(([heading]) => heading));
});

for (const [heading, attribute, system, outcome, option] of recipes) {
  evaluated(`the recipe "${heading}" evaluates`, [attribute], async () => {
    const recipe = (await nixByHeading()).get(heading) ?? "";
    const module = wholeModule(recipe, attribute);
    expect(JSON.stringify(await valueOf<unknown>(attribute, system, module))).toContain(outcome);
    // With one letter too many in it, it does not.
    const wrong = wholeModule(recipe.replace(option, `${option}x`), attribute);
    await expect(valueOf(attribute, system, wrong)).rejects.toThrow(`${option}x`);
  });
}
