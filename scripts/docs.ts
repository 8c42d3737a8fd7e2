/** Writes the pages of the documentation, and the table of settings for Nix, that are made from code. */
import { join } from "node:path";
import { configPage } from "./support/config-page.ts";
import { errorsPage } from "./support/errors-page.ts";
import { nixSettings } from "./support/nix-settings.ts";

await Bun.write(join(import.meta.dir, "../docs/errors.md"), errorsPage());
await Bun.write(join(import.meta.dir, "../docs/config.md"), configPage());
await Bun.write(join(import.meta.dir, "../nix/modules/settings.json"), nixSettings());
