/** Writes the pages of the documentation, and the table of settings for Nix, that are made from code. */
import { join } from "node:path";
import figures from "../test/bench/figures.json";
import { withFigures } from "./support/benchmarks-page.ts";
import { root } from "../src/cli/commands.ts";
import { commandsPage } from "./support/commands-page.ts";
import { configPage } from "./support/config-page.ts";
import { errorsPage } from "./support/errors-page.ts";
import { jsonPage } from "./support/json-page.ts";
import { type NixOptions, nixOptionsPage } from "./support/nix-options-page.ts";
import { nixSettings } from "./support/nix-settings.ts";

await Bun.write(join(import.meta.dir, "../docs/errors.md"), errorsPage());
await Bun.write(join(import.meta.dir, "../docs/config.md"), configPage());
await Bun.write(join(import.meta.dir, "../docs/commands.md"), await commandsPage(root));
await Bun.write(join(import.meta.dir, "../docs/json.md"), jsonPage());
await Bun.write(join(import.meta.dir, "../nix/modules/settings.json"), nixSettings());
const benchmarks = join(import.meta.dir, "../docs/benchmarks.md");
await Bun.write(benchmarks, withFigures(await Bun.file(benchmarks).text(), figures));

const lib = process.env["NIXPKGS_LIB"];
if (lib !== undefined) {
  const check = join(import.meta.dir, "../nix/check");
  const said = await Bun.$`nix-instantiate --eval --strict --json ${check} -A options --arg nixpkgsLib ${lib}`
    .quiet()
    .json();
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- nix/check/default.nix makes it so
  await Bun.write(join(import.meta.dir, "../docs/nix-options.md"), nixOptionsPage(said as NixOptions));
}
