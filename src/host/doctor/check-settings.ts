/** Reads every file of settings, as the next start of each VM would. */
import { knownError, QnError } from "../../base/errors.ts";
import { vmWord } from "../../base/words.ts";
import type { Layout, VmPaths } from "../layout.ts";
import { vmNames } from "../lifecycle/status.ts";
import { caCertificates } from "../vm/ca-certificates.ts";
import { refuseOwnSockets, socketsOf } from "../vm/sockets.ts";
import { effectiveConfig, type Environment } from "../vm/settings.ts";

/** What is wrong with a file or a variable, in a sentence that names both, and what mends it. */
export type SettingsFault = { readonly text: string; readonly fix: string };

/**
 * What is wrong with the settings of all VMs, with those of each, and with the variables; each mistake once. The VM
 * "default" is among them before it is there: the next `qn up` makes it. Throws what a file that cannot be read throws.
 */
export async function faultsOfSettings(layout: Layout, env: Environment): Promise<readonly SettingsFault[]> {
  const names = [...new Set(["default", ...(await vmNames(layout))])];
  const found = await Promise.all(names.map((name) => faultsOf(layout, name, env)));
  // A mistake in the file of all VMs is one of each of them.
  return [...new Map(found.flat().map((fault) => [fault.text, fault])).values()];
}

/** Whether it is the settings that an error is about. */
export function isAboutSettings(error: unknown): boolean {
  return error instanceof QnError && error.code === "CONFIG_INVALID";
}

// --- internal ---

async function faultsOf(layout: Layout, name: string, env: Environment): Promise<readonly SettingsFault[]> {
  const paths = layout.vm(name);
  try {
    const { config } = await effectiveConfig(paths, env);
    await caCertificates(config.docker.caCertificates);
    refuseOwnSockets(socketsOf(config.files.sockets, env), layout.home);
    return [];
  } catch (error) {
    const { message, details, hint } = knownError(error);
    if (!isAboutSettings(error)) return [{ text: message, fix: hint }];
    return (details.length === 0 ? [message] : details).map((text) => ({
      text: text.endsWith(".") ? text : `${text}.`,
      fix: fixOf(text, paths),
    }));
  }
}

/** Each mistake ends with where it is. */
function fixOf(text: string, { name, config, commonConfig }: VmPaths): string {
  if (text.includes(`(${config}`)) return `Run: qn config edit${vmWord(name)}`;
  return text.includes(`(${commonConfig}`) ? "Run: qn config edit --all" : "Correct the value named above.";
}
