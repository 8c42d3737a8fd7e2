/** `qn upgrade`: another version of qn in the place of this one. */
import { join } from "node:path";
import { QnError } from "../../base/errors.ts";
import { vmWord } from "../../base/words.ts";
import { usualLimits } from "../../host/image/pull/patience.ts";
import type { Layout } from "../../host/layout.ts";
import { vmNames } from "../../host/lifecycle/status.ts";
import { isVersion } from "../../host/upgrade/files.ts";
import { findInstall, keysOf, mirrorOf } from "../../host/upgrade/find-install.ts";
import { readOffer } from "../../host/upgrade/offer.ts";
import { rollBack, upgradeTo } from "../../host/upgrade/upgrade.ts";
import { isThere } from "../../system/files.ts";
import { isLocked } from "../../system/kernel/lock.ts";
import { defineCommand, jsonArg } from "../command.ts";
import type { JsonOutputs } from "../json-outputs.ts";
import { selfCommand } from "../self.ts";
import { statuses } from "../statuses.ts";
import { printJson } from "../terminal/print.ts";
import { pullShown } from "../terminal/pull-shown.ts";
import { say, showPhase, succeed, warn } from "../terminal/show.ts";
import { interruption } from "../terminal/signals.ts";
import { qnHome } from "../vm-here.ts";
import { version } from "../version.ts";

type Outcome = Pick<JsonOutputs["upgrade"], "outcome" | "to">;

export const command = defineCommand({
  examples: ["qn upgrade", "qn upgrade --version 0.2.0", "qn upgrade --rollback"],
  args: {
    version: { type: "string", description: "Take this version, which may be an older one", valueHint: "VERSION" },
    check: { type: "boolean", description: "Only say whether there is a newer one" },
    rollback: { type: "boolean", description: "Go back to the program before the last upgrade" },
    json: jsonArg,
  },
  async run({ args }) {
    const wanted = wantedVersion(args);
    const layout = qnHome();
    const done = await upgrade(layout, { wanted, check: args.check === true, rollback: args.rollback === true });
    const runningVms = done.outcome === "upgraded" || done.outcome === "rolled back" ? await running(layout) : [];
    if (args.json === true) printJson("upgrade", { outcome: done.outcome, from: version, to: done.to, runningVms });
    else tell(done, runningVms);
    if (done.outcome === "newer") process.exitCode = statuses.newer;
  },
});

// --- internal ---

function wantedVersion(args: {
  readonly version?: string | undefined;
  readonly check?: boolean | undefined;
  readonly rollback?: boolean | undefined;
}): string | undefined {
  if ([args.rollback, args.check, args.version !== undefined].filter(Boolean).length > 1) {
    throw new QnError("USAGE", "--version, --check and --rollback are three things to do; give one of them.");
  }
  const wanted = args.version?.replace(/^v/, "");
  if (wanted === undefined || isVersion(wanted)) return wanted;
  throw new QnError("USAGE", `--version is "${args.version}", which is no version such as 0.2.0.`);
}

async function upgrade(
  layout: Layout,
  {
    wanted,
    check,
    rollback,
  }: { readonly wanted: string | undefined; readonly check: boolean; readonly rollback: boolean },
): Promise<Outcome> {
  const install = await findInstall(selfCommand());
  // Two installs may have one QN_HOME.
  const cacheFolder = join(layout.cache, "upgrade", Bun.hash(install.prefix).toString(36));
  if (rollback) {
    const scratch = join(cacheFolder, "printed");
    return { outcome: "rolled back", to: await rollBack(install, { scratch, onWarning: warn }) };
  }
  const startedAtMs = Date.now();
  using interrupted = interruption();
  const common = { platform: `${process.platform}-${process.arch}`, limits: usualLimits, signal: interrupted.signal };
  const keys = await keysOf(install, process.env);
  const offer = await readOffer({ ...common, mirror: mirrorOf(install, process.env), keys, current: version, wanted });
  if (offer.version === version) return { outcome: "same", to: null };
  if (check) return { outcome: "newer", to: offer.version };
  using shown = pullShown((text) => showPhase(text, Date.now() - startedAtMs));
  shown.onPhase(`fetching qn ${offer.version}`);
  await upgradeTo(offer, install, { ...common, ...shown, cacheFolder });
  return { outcome: "upgraded", to: offer.version };
}

/** The VMs that run on with the qn that has started them. */
async function running(layout: Layout): Promise<readonly string[]> {
  const looked = (await vmNames(layout)).map(async (name) => {
    const { lock } = layout.vm(name);
    return (await isThere(lock)) && isLocked(lock) ? [name] : [];
  });
  return (await Promise.all(looked)).flat();
}

function tell({ outcome, to }: Outcome, runningVms: readonly string[]): void {
  switch (outcome) {
    case "same":
      return succeed(`This is qn ${version} already.`);
    case "newer":
      return say(`There is qn ${to}, and this is ${version}. To have it: qn upgrade`);
    case "upgraded":
      succeed(`This is qn ${to} now; qn upgrade --rollback goes back to ${version}.`);
      break;
    case "rolled back":
      succeed(`This is qn ${to} again; qn upgrade --rollback goes back to ${version}.`);
  }
  for (const name of runningVms)
    say(`  The VM "${name}" runs on with the qn that started it, until: qn restart${vmWord(name)}`);
}
