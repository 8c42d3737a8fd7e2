/** Where the flake's program, its templates and the VMs that a machine declares look for an image: where any qn does. */
import { expect, test } from "bun:test";
import { Glob } from "bun";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { repository } from "../../support/program.ts";

test("the flake, its templates and its modules take an image from where qn does, but for one that somebody names", async () => {
  const files = [...new Glob("nix/**/*.nix").scanSync(repository), "flake.nix"].filter(
    (file) => !file.startsWith("nix/check/"),
  );
  const said: Record<string, string[]> = {};
  for (const file of files.toSorted()) {
    const lines = (await readFile(join(repository, file), "utf8")).split("\n").map((line) => line.trim());
    // A variable that a wrapper sets, a setting, or an image of Nix's own.
    const found = lines.filter((line) => /QN_IMAGE|image(Url|Key)|settings\.image =|^image = qn/.test(line));
    if (found.length > 0) said[file] = found;
  }
  expect(said).toEqual({
    "nix/modules/vm.nix": ['settings.image = lib.mkIf (config.image != null) "${config.image}";'],
    "nix/templates/nixos/flake.nix": ["image = qn.packages.${system}.image;", "image = qn.packages.${system}.image;"],
  });
});
