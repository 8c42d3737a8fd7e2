/** `qn up`: creates the VM if needed, starts it, and waits until Docker answers on the host's socket. */
import { shellLine } from "../../base/shell.ts";
import { resolve } from "node:path";
import { counted, duration, otherArchNames, vmWord } from "../../base/words.ts";
import type { ConfigInput, Share, VmConfig } from "../../host/config/schema.ts";
import { contextOf } from "../../host/integrate/docker/context.ts";
import { startThroughService } from "../../host/integrate/service/manage.ts";
import type { Layout, VmPaths } from "../../host/layout.ts";
import { takeDown } from "../../host/lifecycle/down.ts";
import { followToEnd } from "../../host/lifecycle/follow.ts";
import { statusOfVm } from "../../host/lifecycle/status.ts";
import { bringUp } from "../../host/lifecycle/up.ts";
import { followSpecialisation } from "../../host/nixos/specialise.ts";
import { qemuArgs } from "../../host/qemu/args.ts";
import { prepareVm } from "../../host/vm/prepare.ts";
import type { ControlEvent } from "../../host/supervisor/messages.ts";
import { effectiveConfig } from "../../host/vm/settings.ts";
import { describeDocker } from "../../system/docker-api.ts";
import { isThere } from "../../system/files.ts";
import { isLocked } from "../../system/kernel/lock.ts";
import { amount, defineCommand, vmArg, wholeNumber } from "../command.ts";
import { selfCommand } from "../self.ts";
import { output } from "../terminal/output.ts";
import { printEvent } from "../terminal/print.ts";
import { valueWords } from "../terminal/setting-words.ts";
import { say, showPhase, succeed, warn } from "../terminal/show.ts";
import { interruption } from "../terminal/signals.ts";
import { showEvent } from "../terminal/start-events.ts";
import { pullShown } from "../terminal/pull-shown.ts";
import { serviceHost, vmNamed } from "../vm-here.ts";

export const command = defineCommand({
  examples: ["qn up web --cpus 4 --memory 8G", "qn up --mount /srv/data:ro"],
  args: {
    vm: vmArg,
    cpus: { type: "string", description: "Virtual processors", valueHint: "N" },
    memory: { type: "string", alias: "m", description: "Memory, such as 8G; a bare number is MiB", valueHint: "SIZE" },
    disk: {
      type: "string",
      description: "Size of the data disk, such as 100G; a bare number is GiB",
      valueHint: "SIZE",
    },
    arch: {
      type: "string",
      description: "The guest's architecture: x86_64 (amd64) or aarch64 (arm64)",
      valueHint: "ARCH",
    },
    accel: { type: "string", description: "How the guest runs: auto, kvm, hvf or tcg", valueHint: "ACCEL" },
    image: { type: "string", description: "The image to start from", valueHint: "NAME" },
    mount: { type: "string", description: "Mount this folder too; PATH:ro for reading only", valueHint: "PATH" },
    timeout: {
      type: "string",
      description: "Give up after this many seconds (120 unless given, 600 when emulated)",
      valueHint: "SECONDS",
    },
    foreground: { type: "boolean", description: "Run in the foreground; Ctrl-C stops the VM" },
    json: {
      type: "boolean",
      description: "Print what happens as JSON, an object a line, and the VM's status at the end",
    },
    "dry-run": { type: "boolean", description: "Print QEMU's command line and start nothing" },
  },
  async run({ args, rawArgs }) {
    await startVm({
      vm: args.vm,
      flags: {
        cpus: wholeNumber("cpus", args.cpus),
        memoryMiB: amount("--memory", "MiB", args.memory),
        diskGiB: amount("--disk", "GiB", args.disk),
        arch: otherArchNames[args.arch ?? ""] ?? args.arch,
        accel: args.accel,
        image: args.image,
      },
      rawArgs,
      timeoutS: wholeNumber("timeout", args.timeout),
      foreground: args.foreground === true,
      json: args.json === true,
      dryRun: args["dry-run"] === true,
    });
  },
});

/** The flags that stand for one setting each; what was not given is undefined. */
export type SimpleFlags = {
  readonly cpus?: number | undefined;
  readonly memoryMiB?: number | undefined;
  readonly diskGiB?: number | undefined;
  readonly arch?: string | undefined;
  readonly accel?: string | undefined;
  readonly image?: string | undefined;
};

/** What `qn up` was asked for. */
export type UpRequest = {
  readonly vm: string;
  readonly flags: SimpleFlags;
  readonly rawArgs: readonly string[];
  readonly timeoutS: number | undefined;
  readonly foreground: boolean;
  /** Events on standard output, as `qn events --json` has them, in place of words. */
  readonly json: boolean;
  readonly dryRun: boolean;
};

/** Plans, starts, shows the phases, and says how to go on. Throws whatever keeps the VM from running. */
export async function startVm(request: UpRequest): Promise<void> {
  const startedAtMs = Date.now();
  const { layout, paths } = vmNamed(request.vm);
  const flags = await allFlags(paths, request);
  if (request.dryRun) return await printCommandLine(layout, paths, flags);
  using interrupted = interruption();
  const { signal } = interrupted;
  const onEvent = (event: ControlEvent): void => (request.json ? printEvent(event) : showEvent(event, startedAtMs));
  using pull = pullShown((text) => onEvent({ event: "fetching", text }));
  if (await mayUseService(paths, request)) await startThroughService(serviceHost(), paths);
  const result = await bringUp({
    layout,
    paths,
    env: process.env,
    flags,
    timeoutS: request.timeoutS,
    self: selfCommand(),
    signal,
    onEvent,
    pull,
  });
  await becomeItself({ ...request, paths, flags, signal, startedAtMs });
  if (request.json) return await printStatus(paths, request, signal);
  const took = duration(Date.now() - startedAtMs);
  if (result === "running") await sayWhatDiffers(paths, flags);
  const forNow = result === "started" ? await forThisStart(paths, flags) : undefined;
  // Docker's own words through the socket that the user has, which proves the whole way.
  const docker = await describeDocker(paths.dockerSocket);
  succeed(`VM "${paths.name}" ${result === "running" ? "runs already" : `is up after ${took}`}: ${docker}`);
  const name = vmWord(paths.name);
  const context = await contextOf(paths, process.env);
  const isUsed = context?.isCurrent === true && (process.env["DOCKER_HOST"] ?? "") === "";
  const use = isUsed ? `docker uses it (context "${context.name}");` : `eval "$(qn env${name})"   makes docker use it;`;
  say(`  ${use}   qn down${name}   stops it`);
  if (forNow !== undefined) say(`  ${forNow}`);
  if (request.foreground) await stay(paths, signal);
}

/** The settings that the flags name; the configuration's schema judges the values, with all other settings. */
export function settingsOf(flags: SimpleFlags): ConfigInput {
  return Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined));
}

/** The folders that `--mount` names, which may be given many times. Relative paths start at `cwd`. */
export function mountsIn(rawArgs: readonly string[], cwd: string): readonly Share[] {
  return rawArgs.flatMap((word, index) => {
    const value = word.startsWith("--mount=") ? word.slice("--mount=".length) : undefined;
    const text = value ?? (word === "--mount" ? rawArgs[index + 1] : undefined);
    if (text === undefined) return [];
    // Colima and Lima mount for reading only unless a path ends with `:w`.
    const [, path = text, mode] = /^(.+):(ro|rw|w)$/s.exec(text) ?? [];
    return [{ path: resolve(cwd, path), readOnly: mode === "ro" }];
  });
}

/**
 * What of the flags is in no settings, and so is forgotten at the next start, with the commands that keep it; nothing
 * where all is. `config` are the settings without the flags, `name` follows a command.
 */
export function forgottenWords(name: string, flags: ConfigInput, config: VmConfig): string | undefined {
  const kept = new Map<string, unknown>(Object.entries(config));
  const other = Object.entries(flags).filter(
    ([key, value]) => value !== undefined && !Bun.deepEquals(value, kept.get(key)),
  );
  if (other.length === 0) return undefined;
  const words = other.flatMap(([key, value]) => (key === "mounts" ? [] : [`${key}=${valueWords(value)}`]));
  const hasMounts = words.length < other.length;
  const keep = [
    ...(words.length > 0 ? [`qn config set${name} ${words.join(" ")}`] : []),
    ...(hasMounts ? [`qn config edit${name}`] : []),
  ];
  return `For this start only: ${[...words, ...(hasMounts ? ["--mount"] : [])].join(", ")};   ${keep.join("   and   ")}   for all.`;
}

// --- internal ---

async function forThisStart(paths: VmPaths, flags: ConfigInput): Promise<string | undefined> {
  if (Object.keys(flags).length === 0) return undefined;
  const { config } = await effectiveConfig(paths, process.env);
  return forgottenWords(vmWord(paths.name), flags, config);
}

/** The last line for a program: what `qn status --json` says, then nothing more. */
async function printStatus(paths: VmPaths, { foreground }: UpRequest, signal: AbortSignal): Promise<void> {
  printEvent({ event: "status", status: await statusOfVm(paths, process.env) });
  if (foreground) await stay(paths, signal);
}

/** Waits for the switch to the flake's system: a guest whose settings name a flake is up only then. */
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
  output(`${shellLine(qemuArgs(spec, { gate: 0, ssh: 0 }))}\n`);
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

/** Stays in the foreground while the VM runs; a signal shuts it down cleanly. */
async function stay(paths: VmPaths, signal: AbortSignal): Promise<void> {
  const onSignal = (): void =>
    void takeDown(paths, { force: false, keepSuspended: true }).catch((error: unknown) => warn(String(error)));
  signal.addEventListener("abort", onSignal, { once: true });
  await followToEnd(paths);
}
