/** Upgrades an install as `qn upgrade` does, in a process of its own: PREFIX VERSION-OF-THIS QN_HOME. */
import { join } from "node:path";
import { findInstall, keysOf, mirrorOf } from "../../../src/host/upgrade/find-install.ts";
import { readOffer } from "../../../src/host/upgrade/offer.ts";
import { upgradeTo } from "../../../src/host/upgrade/upgrade.ts";
import { ownPlatform } from "../program-release.ts";

const [prefix = "", current = "", home = ""] = process.argv.slice(2);
const limits = { failuresMax: 5, firstPauseMs: 1, silenceMs: 60_000 };
const common = { platform: ownPlatform, limits, signal: new AbortController().signal };
const install = await findInstall([join(prefix, "bin/qn")]);
console.log("begins");
const keys = await keysOf(install, {});
const offer = await readOffer({ ...common, mirror: mirrorOf(install, {}), keys, current });
await upgradeTo(offer, install, { ...common, cacheFolder: join(home, "upgrade"), onBytes: () => {} });
