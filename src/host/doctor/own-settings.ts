/** What of the settings and of the environment goes into a report: what is known to hold no secret. */
import { leaves } from "../config/schema.ts";
import { valueAt } from "../config/setting.ts";

/** In the place of a value that may hold a secret. */
const leftOut = "[left out]";

/** Settings that are words, paths or lists of them. Numbers and switches go out too, and nothing else. */
const shownSettings: ReadonlySet<string> = new Set([
  "arch",
  "image",
  "flake",
  "accel",
  "mounts",
  "files.driver",
  "files.listen",
  "files.missing",
  "files.sockets",
  "files.tmp",
  "ports.bind",
  "ports.deny",
  "network.reach",
  "network.tap",
  "network.mac",
  "changes.exclude",
  "docker.context",
  "docker.caCertificates",
  "qemu.cpu",
]);

/** Variables besides those of the settings above. */
const shownVariables: ReadonlySet<string> = new Set([
  "QN_HOME",
  "QN_QEMU",
  "QN_FIRMWARE",
  "QN_TRACE",
  "QN_HOSTS",
  "QN_RESOLV_CONF",
  "DOCKER_HOST",
  "DOCKER_CONTEXT",
  "DOCKER_CONFIG",
  "DOCKER_CERT_PATH",
  "DOCKER_TLS_VERIFY",
  "DOCKER_API_VERSION",
  "DOCKER_BUILDKIT",
  "DOCKER_DEFAULT_PLATFORM",
]);

/** The effective settings by their paths; of commands and of what QEMU and Docker are given only how much there is. */
export function settingsForReport(config: unknown): Readonly<Record<string, unknown>> {
  return Object.fromEntries(leaves.map(({ path }) => [path, settingForReport(path, valueAt(config, path))]));
}

/** The variables that qn and Docker read, and what they are if that is known to be harmless. */
export function variablesForReport(
  env: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string | undefined>> {
  const ofSettings = new Set(leaves.filter(({ path }) => shownSettings.has(path)).map(({ variable }) => variable));
  const own = Object.entries(env).filter(([name]) => /^(QN|DOCKER)_/.test(name));
  return Object.fromEntries(
    own.map(([name, value]) => [name, shownVariables.has(name) || ofSettings.has(name) ? value : leftOut]),
  );
}

// --- internal ---

function settingForReport(path: string, value: unknown): unknown {
  if (shownSettings.has(path) || typeof value === "number" || typeof value === "boolean") return value;
  if (Array.isArray(value)) return value.length === 0 ? [] : `${leftOut}: ${value.length}`;
  if (typeof value !== "object" || value === null) return leftOut;
  return Object.keys(value).length === 0 ? {} : `${leftOut}: ${Object.keys(value).length}`;
}
