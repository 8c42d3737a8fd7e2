/** The recipes of docs/nix.md: what a person copies from there evaluates, each with the modules that it is for. */
import { expect } from "bun:test";
import { join } from "node:path";
import { type Attribute, evaluated, valueOf } from "../../support/nix.ts";
import { repository } from "../../support/program.ts";

/**
 * Each piece of Nix, in the page's order: its heading, what evaluates it and for which system, a name that has to come of it, and one of
 * its options.
 */
const recipes: readonly (readonly [
  heading: string,
  attribute: Attribute,
  system: string,
  outcome: string,
  option: string,
])[] = [
  ["VMs that a machine declares", "host", "aarch64-linux", "qn-web", "autoStart"],
  ["In the network of a bridge", "host", "x86_64-linux", "master br0 up", "bridge"],
  ["In the network of a bridge", "guest", "aarch64-linux", "192.168.1.20/24", "address"],
  ["NixOS containers", "guest", "x86_64-linux", "Name=ve-site", "forwardPorts"],
  ["Docker on a Mac, declared", "darwin", "aarch64-darwin", "org.nixos.qn-default.plist", "logDir"],
  ["Containers without Docker", "guest", "x86_64-linux", "/home/ann/site-logs", "autoStart"],
  ["VMs as services of a NixOS machine", "host", "x86_64-linux", "qn-web-tap", "bridge"],
  ["One image, many machines", "host", "aarch64-linux", "-templates#mail", "settings"],
];

/** Flakes, of which the templates are the whole, and words of other programs. */
const elsewhere = new Set(["A guest", "Bringing a change into a guest that runs"]);

/** Every such piece of Nix in the page, with its heading. */
async function piecesOfNix(): Promise<readonly (readonly [heading: string, nix: string])[]> {
  const page = await Bun.file(join(repository, "docs/nix.md")).text();
  return page.split(/\n###? /).flatMap((section) => {
    const [heading = ""] = section.split("\n", 1);
    if (elsewhere.has(heading)) return [];
    return [...section.matchAll(/```nix\n([^]*?)```/g)].map(([, nix = ""]) => [heading, nix] as const);
  });
}

const pieces = await piecesOfNix();

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

evaluated("all Nix of docs/nix.md but flakes is evaluated here", ["guest"], async () => {
  expect((await piecesOfNix()).map(([heading]) => heading)).toEqual(recipes.map(([heading]) => heading));
});

for (const [index, [heading, attribute, system, outcome, option]] of recipes.entries()) {
  evaluated(`the Nix of "${heading}" evaluates (${attribute})`, [attribute], async () => {
    const recipe = pieces[index]?.[1] ?? "";
    const module = wholeModule(recipe, attribute);
    expect(JSON.stringify(await valueOf<unknown>(attribute, system, module))).toContain(outcome);
    // With one letter too many in it, it does not.
    const wrong = wholeModule(recipe.replace(option, `${option}x`), attribute);
    await expect(valueOf(attribute, system, wrong)).rejects.toThrow(`${option}x`);
  });
}
