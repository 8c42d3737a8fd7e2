/** Installs, removes and starts the service of a VM, with systemd on Linux and launchd on a Mac. */
import { createHash } from "node:crypto";
import { mkdir, rm, rmdir, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { QnError } from "../../../base/errors.ts";
import type { HostOs } from "../../../base/words.ts";
import { isErrno } from "../../../system/errno.ts";
import { readTextIfThere, writeFileAtomically } from "../../../system/files.ts";
import { findProgram, type Outcome, run } from "../../../system/process.ts";
import { ownHome, ownUid } from "../../../system/platform.ts";
import type { VmPaths } from "../../layout.ts";
import type { Environment } from "../../vm/settings.ts";
import { agentLabel, namesLog, renderPlist, renderUnit, type ServiceSpec, unitName } from "./service-files.ts";

/** Where services are managed: the system, and the environment of who asks. */
export type ServiceHost = { readonly os: HostOs; readonly env: Environment };

/** What is known of a VM's service. */
export type ServiceState = {
  readonly manager: "systemd" | "launchd";
  readonly file: string;
  readonly installed: boolean;
  /** Whether the manager runs it now. */
  readonly active: boolean;
};

/**
 * Writes the service, has it started at each login, and starts it now. Gives back what the manager could not be made to
 * do, or nothing: without a session of its own (ssh, a container) the file is there and works from the next login on.
 */
export async function installService(host: ServiceHost, spec: ServiceSpec): Promise<string | undefined> {
  const { file, render, links, start } = serviceOf(host, spec.name);
  await mkdir(dirname(file), { recursive: true });
  await writeFileAtomically(file, render(spec), 0o644);
  for (const link of links) {
    await mkdir(dirname(link), { recursive: true });
    await symlink(file, link).catch((error: unknown) => {
      if (!isErrno(error, "EEXIST")) throw error;
    });
  }
  return await inTurn(host, start);
}

/** Stops the VM's service and removes all of it; false when it was not installed. A VM that it runs shuts down. */
export async function uninstallService(host: ServiceHost, paths: VmPaths): Promise<boolean> {
  const installed = await installedService(host, paths);
  if (installed === undefined) return false;
  const { file, links, stop, forget } = installed;
  await inTurn(host, stop);
  for (const path of [...links, file]) await rm(path, { force: true });
  // Folders that were made for it; those with anything else in them stay.
  for (const path of links) await rmdir(dirname(path)).catch(() => {});
  await inTurn(host, forget);
  return true;
}

/** What there is of a VM's service. */
export async function serviceState(host: ServiceHost, paths: VmPaths): Promise<ServiceState> {
  const installed = await installedService(host, paths);
  const { manager, file, isActive } = installed ?? serviceOf(host, namesOf(host, paths)[0]);
  return { manager, file, installed: installed !== undefined, active: installed !== undefined && (await isActive()) };
}

/**
 * Lets the manager start the VM when a service of this very VM is installed, so that a crash is mended; false when
 * there is none, or the manager cannot. Whoever waits for the VM then finds it starting.
 */
export async function startThroughService(host: ServiceHost, paths: VmPaths): Promise<boolean> {
  const installed = await installedService(host, paths);
  return installed !== undefined && (await inTurn(host, [installed.kick])) === undefined;
}

/** Whether a service of this very VM is installed, and not one of another QN_HOME's VM of that name. */
export async function hasService(host: ServiceHost, paths: VmPaths): Promise<boolean> {
  return (await installedService(host, paths)) !== undefined;
}

/** The service as it would be installed. `self` runs this qn; its variables of qn's own go with it. */
export function serviceSpec(paths: VmPaths, qnHome: string, self: readonly string[], env: Environment): ServiceSpec {
  const own = Object.entries(env).filter(
    (entry): entry is [string, string] => /^(QN_\w+|DOCKER_CONFIG)$/.test(entry[0]) && entry[1] !== undefined,
  );
  const [name] = namesOf({ env }, paths);
  return {
    vm: paths.name,
    name,
    command: [...self, "supervise", paths.name, "--service"],
    environment: { ...Object.fromEntries(own), QN_HOME: qnHome, PATH: servicePath(env) },
    log: paths.logs.supervisor,
  };
}

// --- internal ---

type Command = readonly string[];

/** A service as its manager has it: its files, and the commands that rule it. */
type ManagedService = {
  readonly manager: ServiceState["manager"];
  readonly file: string;
  readonly links: readonly string[];
  readonly render: (spec: ServiceSpec) => string;
  readonly start: readonly Command[];
  readonly stop: readonly Command[];
  readonly forget: readonly Command[];
  readonly kick: Command;
  readonly isActive: () => Promise<boolean>;
};

/** Where the VM's service is installed: its file names the VM's own log. */
async function installedService(host: ServiceHost, paths: VmPaths): Promise<ManagedService | undefined> {
  for (const name of namesOf(host, paths)) {
    const service = serviceOf(host, name);
    const text = await readTextIfThere(service.file);
    if (text !== undefined && namesLog(text, paths.logs.supervisor)) return service;
  }
  return undefined;
}

/**
 * The names that a VM's service may have, its own first. VMs of the usual QN_HOME are known by their names alone; those
 * of another one have some of its hash too, behind a dot, which no VM's name has: both may have a VM `default`. The
 * name alone is looked at there as well, since Nix' services are called so (nix/modules).
 */
function namesOf({ env }: Pick<ServiceHost, "env">, { name, folder }: VmPaths): readonly [string, ...string[]] {
  const qnHome = dirname(folder);
  if (qnHome === join(homeOf(env), ".qn")) return [name];
  return [`${name}.${createHash("sha256").update(qnHome).digest("hex").slice(0, 8)}`, name];
}

function homeOf(env: Environment): string {
  return env["HOME"] ?? ownHome();
}

function serviceOf(host: ServiceHost, service: string): ManagedService {
  const home = homeOf(host.env);
  return host.os === "linux" ? systemdService(host, home, service) : launchdService(host, home, service);
}

function systemdService(host: ServiceHost, home: string, service: string): ManagedService {
  const given = host.env["XDG_CONFIG_HOME"];
  const folder = join(given === undefined || given === "" ? join(home, ".config") : given, "systemd/user");
  const name = unitName(service);
  return {
    manager: "systemd",
    file: join(folder, name),
    // What `systemctl enable` would make; it needs no session.
    links: [join(folder, "default.target.wants", name)],
    render: renderUnit,
    start: [ctl("daemon-reload"), ctl("restart", "--no-block", name)],
    stop: [ctl("stop", name)],
    forget: [ctl("daemon-reload"), ctl("reset-failed", name)],
    kick: ctl("start", name),
    isActive: async () => (await attempt(host, ctl("is-active", "--quiet", name)))?.exitCode === 0,
  };
}

function ctl(...words: string[]): Command {
  return ["systemctl", "--user", ...words];
}

function launchdService(host: ServiceHost, home: string, service: string): ManagedService {
  const domain = `gui/${ownUid()}`;
  const label = agentLabel(service);
  const file = join(home, "Library/LaunchAgents", `${label}.plist`);
  return {
    manager: "launchd",
    file,
    links: [],
    render: renderPlist,
    // A job that is loaded already cannot be loaded, and one that was disabled neither.
    start: [
      ["launchctl", "bootout", `${domain}/${label}`],
      ["launchctl", "enable", `${domain}/${label}`],
      ["launchctl", "bootstrap", domain, file],
    ],
    stop: [["launchctl", "bootout", `${domain}/${label}`]],
    forget: [],
    kick: ["launchctl", "kickstart", `${domain}/${label}`],
    isActive: async () =>
      /state = running/.test((await attempt(host, ["launchctl", "print", `${domain}/${label}`]))?.stdout ?? ""),
  };
}

/** Runs commands in turn; what the last one said when it failed. The others may fail: they only clear the way. */
async function inTurn(host: ServiceHost, commands: readonly Command[]): Promise<string | undefined> {
  let last: string | undefined;
  for (const command of commands) {
    const outcome = await attempt(host, command);
    last =
      outcome?.exitCode === 0
        ? undefined
        : `${command.join(" ")}: ${outcome?.stderr.trim() ?? "there is no such program"}`;
  }
  return last;
}

async function attempt({ env }: ServiceHost, command: Command): Promise<Outcome | undefined> {
  try {
    return await run(command, { env: { ...env } });
  } catch (error) {
    if (error instanceof QnError && error.code === "TOOL_MISSING") return undefined;
    throw error;
  }
}

/** Where programs are on the systems that qn runs on, whatever a login shell would add. */
const usualFolders = [
  "/opt/homebrew/bin",
  "/usr/local/bin",
  "/run/current-system/sw/bin",
  "/usr/bin",
  "/bin",
  "/usr/sbin",
  "/sbin",
];

/** What a service finds programs by: the folders where they are found now, unresolved, then the usual ones. */
function servicePath(env: Environment): string {
  const needed = ["qemu-system-x86_64", "qemu-system-aarch64", "qemu-img", "ssh-keygen"];
  const found = needed.flatMap((name) => {
    const path = findProgram(name, env["PATH"] ?? "");
    return path === undefined ? [] : [dirname(path)];
  });
  return [...new Set([...found, ...usualFolders])].join(":");
}
