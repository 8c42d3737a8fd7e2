/** What `qn up` does once its flags are read: plans, starts, shows the phases, and says how to go on. */
import { counted, duration } from "../../base/words.ts";
import type { ConfigInput } from "../../host/config/schema.ts";
import type { Layout, VmPaths } from "../../host/layout.ts";
import { bringUp } from "../../host/lifecycle/up.ts";
import { takeDown } from "../../host/lifecycle/down.ts";
import { statusOfVm } from "../../host/lifecycle/status.ts";
import { contextOf } from "../../host/integrate/docker/context.ts";
import { effectiveConfig, prepareVm } from "../../host/vm/prepare.ts";
import { qemuArgs, shellLine } from "../../host/qemu/args.ts";
import type { Phase } from "../../host/supervisor/states.ts";
import type { ControlEvent } from "../../host/supervisor/messages.ts";
import { followToEnd } from "../../host/lifecycle/follow.ts";
import { followSpecialisation } from "../../host/nixos/specialise.ts";
import { startThroughService } from "../../host/integrate/service/manage.ts";
import { isThere } from "../../system/files.ts";
import { isLocked } from "../../system/kernel/lock.ts";
import { serviceHost } from "./service-run.ts";
import { vmHere } from "../vm-here.ts";
import { selfCommand } from "../self.ts";
import { say, showPhase, succeed, warn } from "../terminal/show.ts";
import { interruption } from "../terminal/signals.ts";
import { mountsIn, settingsOf, type SimpleFlags } from "./up-flags.ts";

/** What `qn up` was asked for. */
export type UpRequest = {
  readonly vm: string;
  readonly flags: SimpleFlags;
  readonly rawArgs: readonly string[];
  readonly timeoutS: number | undefined;
  readonly foreground: boolean;
  readonly dryRun: boolean;
};

/** Runs `qn up`. Throws whatever keeps the VM from running. */
export async function runUp(request: UpRequest): Promise<void> {
  const startedAtMs = Date.now();
  const { layout, paths } = vmHere(request.vm);
  const flags = await allFlags(paths, request);
  if (request.dryRun) return await printCommandLine(layout, paths, flags);
  using interrupted = interruption();
  if (await mayUseService(paths, request)) await startThroughService(serviceHost(), paths);
  const result = await bringUp({
    layout,
    paths,
    env: process.env,
    flags,
    timeoutS: request.timeoutS,
    self: selfCommand(),
    signal: interrupted.signal,
    onEvent: (event) => showEvent(event, startedAtMs),
  });
  await becomeItself({ ...request, paths, flags, signal: interrupted.signal, startedAtMs });
  const took = duration(Date.now() - startedAtMs);
  if (result === "running") await sayWhatDiffers(paths, flags);
  const docker = await dockerVersion(paths.dockerSocket);
  succeed(`VM "${paths.name}" ${result === "running" ? "runs already" : `is up after ${took}`}: ${docker}`);
  const name = paths.name === "default" ? "" : ` ${paths.name}`;
  const context = await contextOf(paths, process.env);
  const isUsed = context?.isCurrent === true && (process.env["DOCKER_HOST"] ?? "") === "";
  const use = isUsed ? `docker uses it (context "${context.name}");` : `eval "$(qn env${name})"   makes docker use it;`;
  say(`  ${use}   qn down${name}   stops it`);
  if (request.foreground) await stay(paths, interrupted.signal);
}

// --- internal ---

/** A guest whose settings name a flake is up when it has become that system. */
async function becomeItself(up: {
  readonly paths: VmPaths;
  readonly flags: ConfigInput;
  readonly signal: AbortSignal;
  readonly startedAtMs: number;
}): Promise<void> {
  const { paths, flags, signal, startedAtMs } = up;
  const { config } = await effectiveConfig(paths, process.env, flags);
  if (config.flake === "none") return;
  showPhase(`waiting until the guest is ${config.flake}`, Date.now() - startedAtMs);
  const how = await followSpecialisation({
    paths,
    env: process.env,
    signal,
    onLine: (line) => say(`  ${line}`),
    onReboot: () => showPhase("the guest starts anew", Date.now() - startedAtMs),
  });
  if (how === "absent")
    warn(`flake is ${config.flake}, but the guest of this image is no NixOS of qn's: it stays as it is.`);
}

/** What each phase is for, in a person's words. */
const phaseWords: Record<Phase, string> = {
  image: "checking settings and image",
  disks: "preparing disks",
  boot: "booting the guest",
  agent: "linking to the agent in the guest",
  docker: "waiting for Docker",
};

/** A service knows no flags, and is no way to start what is up. */
async function mayUseService(paths: VmPaths, { flags, rawArgs, timeoutS }: UpRequest): Promise<boolean> {
  const hasFlags =
    timeoutS !== undefined || Object.keys(settingsOf(flags)).length > 0 || mountsIn(rawArgs, "/").length > 0;
  return !hasFlags && (await isThere(paths.folder)) && !((await isThere(paths.lock)) && isLocked(paths.lock));
}

async function allFlags(paths: VmPaths, { flags, rawArgs }: UpRequest): Promise<ConfigInput> {
  const settings = settingsOf(flags);
  const extra = mountsIn(rawArgs, process.cwd());
  if (extra.length === 0) return settings;
  const { config } = await effectiveConfig(paths, process.env, settings);
  const others = config.mounts.filter(({ path }) => !extra.some((mount) => mount.path === path));
  return { ...settings, mounts: [...others, ...extra] };
}

async function printCommandLine(layout: Layout, paths: VmPaths, flags: ConfigInput): Promise<void> {
  const { spec } = await prepareVm(layout, paths, process.env, flags);
  for (const warning of spec.warnings) warn(warning);
  // The ports of a boot are chosen when it begins.
  process.stdout.write(`${shellLine(qemuArgs(spec, { gate: 0, ssh: 0 }))}\n`);
}

function showEvent(event: ControlEvent, startedAtMs: number): void {
  const sinceMs = Date.now() - startedAtMs;
  if (event.event === "phase") showPhase(phaseWords[event.phase], sinceMs);
  if (event.event === "provision") showPhase(`running command ${event.step} of ${event.of} of provision`, sinceMs);
  if (event.event === "warning") warn(event.text);
  if (event.event === "degraded") warn(`${event.reason} Waiting until it is back.`);
}

/** Says which of the settings asked for the running VM does not have. */
async function sayWhatDiffers(paths: VmPaths, flags: ConfigInput): Promise<void> {
  const status = await statusOfVm(paths, process.env);
  const differing = (["arch", "cpus", "memoryMiB", "image"] as const).filter(
    (key) => flags[key] !== undefined && flags[key] !== status[key],
  );
  if (differing.length === 0) return;
  const values = differing.map((key) => `${key} ${status[key]} (asked for: ${flags[key]})`).join(", ");
  warn(
    `It runs with ${values}; ${counted(differing.length, "setting")} take effect at the next start: qn down, qn up.`,
  );
}

/** Docker's own words through the socket that the user has, which proves the whole way. */
async function dockerVersion(socketPath: string): Promise<string> {
  const { describeDocker } = await import("../../system/docker-api.ts");
  return await describeDocker(socketPath);
}

/** Stays while the VM runs; a signal takes it down cleanly. */
async function stay(paths: VmPaths, signal: AbortSignal): Promise<void> {
  const onSignal = (): void => void takeDown(paths, { force: false }).catch((error: unknown) => warn(String(error)));
  signal.addEventListener("abort", onSignal, { once: true });
  await followToEnd(paths);
}
