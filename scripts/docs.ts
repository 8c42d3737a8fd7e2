/** Writes the pages of the documentation that are made from code. */
import { join } from "node:path";
import { configPage } from "./support/config-page.ts";
import { errorsPage } from "./support/errors-page.ts";

await Bun.write(join(import.meta.dir, "../docs/errors.md"), errorsPage());
await Bun.write(join(import.meta.dir, "../docs/config.md"), configPage());
