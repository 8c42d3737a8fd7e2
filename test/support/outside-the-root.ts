/**
 * Before any test: refuses words on the command line that Bun would pass over in silence. It takes a word for a part of a path below
 * the root of bunfig.toml, `test/unit`, unless it begins with `./` or `/`; so `bun test test/unit test/contract` would run the unit
 * tests alone, and say that all is well.
 */
import { existsSync } from "node:fs";

const shown =
  Bun.which("ps") === null ? "" : Bun.spawnSync(["ps", "-ww", "-o", "args=", "-p", `${process.pid}`]).stdout;
const lost = shown
  .toString()
  .trim()
  .split(" ")
  .filter((word) => /^test\/(?!unit(\/|$))/.test(word) && existsSync(word));
if (lost.length > 0) throw new Error(`bun test needs ./ before a path outside of test/unit: ./${lost.join(" ./")}`);
