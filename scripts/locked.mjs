/** Ends with status 1 unless bun.lock has everything that npm has just installed: `node locked.mjs NPM_LOCK BUN_LOCK`. */
import { readFileSync } from "node:fs";

const [, , npmLock = "", bunLock = ""] = process.argv;
const locked = readFileSync(bunLock, "utf8");
for (const [path, { integrity }] of Object.entries(JSON.parse(readFileSync(npmLock, "utf8")).packages)) {
  if (!locked.includes(`"${integrity}"`)) {
    console.error(`npm delivered ${path} with ${integrity}, which is not what bun.lock has.`);
    process.exitCode = 1;
  }
}
