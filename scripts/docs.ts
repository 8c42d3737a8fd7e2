/** Writes the pages of the documentation that are made from code. */
import { join } from "node:path";
import { errorsPage } from "./support/errors-page.ts";

await Bun.write(join(import.meta.dir, "../docs/errors.md"), errorsPage());
