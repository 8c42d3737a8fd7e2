/** Brings a VM up: makes it if needed, starts its supervisor or joins the one that there is, and waits for Docker. */
import { closeSync, openSync } from "node:fs";
import { access, constants, mkdir, rm } from "node:fs/promises";
import { errorOf, messageOf, QnError } from "../../base/errors.ts";
import { after, pause, type Timer } from "../../system/clock.ts";
import { isThere, writeFileAtomically } from "../../system/files.ts";
import type { ConfigInput } from "../config/schema.ts";
import { liveDisk } from "../image/live-disk.ts";
import type { Layout, VmPaths } from "../layout.ts";
import { makeFolder } from "../vm/folder-version.ts";
import type { PullTold } from "../image/pull/pull.ts";
import { lastingPaths } from "../vm/own-disks.ts";
import { prepareOrPull } from "../vm/prepare-or-pull.ts";
import { settleUnfinished } from "../vm/unfinished.ts";
import type { Environment } from "../vm/settings.ts";
import { connectControl, type Control, eventsOf, endedWithoutWord } from "../supervisor/control.ts";
import { tailOf } from "../supervisor/boot/serial.ts";
import type { ControlEvent } from "../supervisor/messages.ts";
import { settleIfStopped } from "./while-stopped.ts";

/** What `up` is asked for. */
export type UpOptions = {
  readonly layout: Layout;
  readonly paths: VmPaths;
  readonly env: Environment;
  readonly flags: ConfigInput;
  /** How long the boot, or what is silent in a VM that runs, may take, in seconds; there are defaults. */
  readonly timeoutS: number | undefined;
  /** The command that runs this qn again, such as `["/usr/local/bin/qn"]`. */
  readonly self: readonly string[];
  /** Calls everything off when it fires. */
  readonly signal: AbortSignal;
  readonly onEvent: (event: ControlEvent) => void;
  /** Hears how an image is fetched that is missing. */
  readonly pull: PullTold;
};

/** How it went: `started` by this call, or by another one (`joined`), or it ran already. */
export type UpResult = "started" | "joined" | "running";

/** How often a supervisor that is just leaving or just coming is waited for, and how long each time. */
const patience = { tries: 100, pauseMs: 100 };

/**
 * How long what is silent in a VM that runs may take to come back: Docker starts anew in seconds, emulated in a minute.
 */
const usualSilenceS = 120;

/**
 * Brings the VM up. Throws what prepareOrPull throws before anything is touched, the supervisor's failure, or
 * INTERRUPTED; a VM that did not exist before does not exist afterwards then.
 */
export async function bringUp(options: UpOptions): Promise<UpResult> {
  const { paths } = options;
  for (let attempt = 0; attempt < patience.tries; attempt += 1) {
    const running = await connectControl(paths.controlSocket);
    if (running !== undefined) {
      const outcome = await follow(running, options, "joined");
      if (outcome !== "gone") return outcome;
    } else {
      const outcome = await start(options);
      if (outcome !== "busy") return outcome;
    }
    await pause(patience.pauseMs, options.signal);
    if (options.signal.aborted) throw interrupted();
  }
  throw new QnError("VM_BUSY", `The VM "${paths.name}" is held by another qn that does not answer.`);
}

// --- internal ---

async function start(options: UpOptions): Promise<UpResult | "busy"> {
  const { layout, paths, env, flags, signal } = options;
  await makeHome(layout);
  await settleUnfinished(paths);
  // A killed restore may bring other settings, and another image.
  if (await isThere(paths.folder)) await settleIfStopped(paths);
  const wasThere = await Promise.all(lastingPaths(paths).map(isThere));
  const hadData = await isThere((await liveDisk(paths.dataDisk)).path);
  const { origins } = await prepareOrPull(options);
  const created = await createFolder(paths, flags);
  try {
    const areOfNow = ["diskGiB", "volumes"].some((path) => /^(flag|environment)$/.test(origins[path]?.from ?? ""));
    // Loaded where it is needed: it takes what changes files of settings.
    if (areOfNow) await (await import("./disk-turn.ts")).keepSizes(paths, env, flags);
    const control = await startSupervisor(options);
    if (control === "busy") return "busy";
    const outcome = await follow(control, options, "started");
    if (outcome === "gone") throw interrupted();
    return outcome;
  } catch (error) {
    const busy = error instanceof QnError && error.code === "VM_BUSY";
    if (created && !busy) {
      await rm(paths.folder, { recursive: true, force: true });
      for (const [index, place] of lastingPaths(paths).entries()) {
        // Beside data that was kept, a note of its format and a copy from before it changed belong to it.
        if (wasThere[index] === false && !hadData) await rm(place, { recursive: true, force: true });
      }
    }
    if (signal.aborted && !(error instanceof QnError && error.code === "INTERRUPTED")) throw interrupted(error);
    throw error;
  }
}

/** Makes QN_HOME if needed; one that cannot be written to is refused before anything else is looked at. */
async function makeHome({ home }: Layout): Promise<void> {
  try {
    await mkdir(home, { recursive: true, mode: 0o700 });
    await access(home, constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw new QnError("HOME_UNUSABLE", `QN_HOME is "${home}", which cannot be written to: ${messageOf(cause)}.`, {
      cause,
    });
  }
}

/** Makes the VM's folder with the settings that were asked for; false when it is there already. */
async function createFolder(paths: VmPaths, flags: ConfigInput): Promise<boolean> {
  const isNew = await makeFolder(paths);
  if (isNew) await writeFileAtomically(paths.config, renderConfig(flags));
  return isNew;
}

function renderConfig(flags: ConfigInput): string {
  const given = Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined));
  const head = "# Settings of this VM; what is not named here has its default. `qn up` reads it.\n";
  return Object.keys(given).length === 0 ? head : `${head}${Bun.YAML.stringify(given, undefined, 2)}\n`;
}

/** Starts the supervisor in a session of its own and connects to it; "busy" when another one was faster. */
async function startSupervisor(options: UpOptions): Promise<Control | "busy"> {
  const { layout, paths, env, flags, timeoutS, self } = options;
  const log = openSync(paths.logs.supervisor, "a", 0o600);
  const command = [...self, "supervise", paths.name, "--flags", JSON.stringify(flags)];
  const child = Bun.spawn(timeoutS === undefined ? command : [...command, "--timeout", `${timeoutS}`], {
    cwd: "/",
    env: { ...env, QN_HOME: layout.home },
    stdin: "ignore",
    stdout: "pipe",
    stderr: log,
    detached: true,
  });
  closeSync(log);
  const reader = child.stdout.getReader();
  const first = await reader.read();
  reader.releaseLock();
  const control = first.done ? undefined : await connectControl(paths.controlSocket);
  if (control !== undefined) {
    // From here on its life is its own.
    child.unref();
    return control;
  }
  const status = await child.exited;
  if (status === new QnError("VM_BUSY", "").exit) return "busy";
  throw new QnError("SUPERVISOR_FAILED", `The supervisor of "${paths.name}" ended with status ${status}.`, {
    details: tailOf(paths.logs.supervisor, 5),
  });
}

/**
 * Follows a supervisor until its VM runs; "gone" when that VM was just stopping, or had failed before anybody asked.
 */
async function follow(control: Control, options: UpOptions, as: "started" | "joined"): Promise<UpResult | "gone"> {
  const { signal, onEvent } = options;
  // Only whoever has started the VM takes it down again when called off.
  const callOff = (): void =>
    as === "started" ? control.ask({ ask: "stop", force: true, isCallOff: true }) : control.close();
  signal.addEventListener("abort", callOff, { once: true });
  if (signal.aborted) callOff();
  let waited = as === "started";
  let end: (ControlEvent & { readonly event: "failed" | "stopped" }) | undefined;
  const silence = silenceLimit(control, options.timeoutS ?? usualSilenceS);
  try {
    // After its last word the supervisor still removes and writes files that a failed start takes away: it is followed
    // to its end.
    for await (const event of eventsOf(control, { ask: "follow", wakes: true })) {
      if (end !== undefined) continue;
      onEvent(event);
      if (event.event === "running") return waited ? as : "running";
      if (event.event === "failed" || event.event === "stopped") end = event;
      if (event.event === "phase" || event.event === "degraded") waited = true;
      if (event.event === "degraded") silence.begins(event.reason);
    }
  } catch (error) {
    throw signal.aborted ? interrupted(error) : error;
  } finally {
    signal.removeEventListener("abort", callOff);
    silence.cancel();
  }
  if (end?.event === "failed" && waited) throw signal.aborted ? interrupted(errorOf(end.error)) : errorOf(end.error);
  if (end !== undefined) return "gone";
  if (signal.aborted) throw interrupted(endedWithoutWord());
  silence.throwIfOver();
  if (as === "joined") return "gone";
  throw endedWithoutWord();
}

/** Ends a conversation when a VM that runs stays silent for too long. */
function silenceLimit(control: Control, limitS: number) {
  let timer: Timer | undefined;
  let reason: string | undefined;
  return {
    begins(why: string): void {
      timer ??= after(limitS * 1000, () => {
        reason = why;
        control.close();
      });
    },
    cancel: () => timer?.cancel(),
    throwIfOver(): void {
      if (reason === undefined) return;
      throw new QnError("DOCKER_UNREACHABLE", `Waited ${limitS} s in vain for a VM that runs: ${reason}`, {
        hint: "`qn logs --source agent` shows what the guest said; `qn restart` starts it anew.",
      });
    },
  };
}

function interrupted(cause?: unknown): QnError {
  return new QnError("INTERRUPTED", "The start was called off.", { cause });
}
