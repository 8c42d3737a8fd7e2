/** The QEMU process of a VM: started or adopted, watched, and ended in steps. */
import { writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { QnError } from "../../../base/errors.ts";
import { within } from "../../../system/clock.ts";
import { isErrno } from "../../../system/errno.ts";
import { isThere } from "../../../system/files.ts";
import { ownersFilesMask, withMask } from "../../../system/kernel/umask.ts";
import type { VmPaths } from "../../layout.ts";
import { awaitQmp, connectQmp, type QmpClient } from "../../qmp/client.ts";
import type { QmpEvent } from "../../qmp/wire.ts";
import { quit } from "../../qmp/commands.ts";
import { keepConsole } from "./console.ts";
import { tailOf } from "./serial.ts";
import { nextWords, type Voice, type Words } from "./voice.ts";

/** How a QEMU ended, as the beginning of a sentence, and whether that was a fault of its own. */
type Ended = { readonly how: string; readonly hasCrashed: boolean };

/**
 * A QEMU that runs. `exited` resolves, never rejects, once it has ended; what it and its guest have said is in the logs
 * by then.
 */
export type Qemu = {
  readonly pid: number | undefined;
  readonly qmp: QmpClient;
  readonly exited: Promise<Ended>;
  /** Resolves when what it and its servers have said by now is in the log. */
  heard(): Promise<void>;
  /** Calls `listener` for each event in order, until the end: for a reset once the last words before it are logged. */
  onEvent(listener: (event: QmpEvent) => void): void;
  /** Lets go of it: it runs on, for the next supervisor. */
  leave(): Promise<void>;
  /** Ends QEMU: asked over QMP so that disks are flushed, killed when it does not answer. */
  kill(): Promise<void>;
};

/** How long QEMU may take to flush its disks and end when it is told to. */
const quitDeadlineMs = 3_000;

/** How long QEMU may take from its start to its monitor; starved machines take seconds. */
const monitorDeadlineMs = 60_000;

/** What calls the start off, descriptors that QEMU has from 3 on, and who hears of its number. */
export type StartOptions = {
  readonly signal: AbortSignal;
  readonly inherited?: readonly number[];
  readonly onStarted?: ((pid: number) => void) | undefined;
};

/**
 * Starts QEMU in a session of its own, so that no terminal's signal and no supervisor's end reaches it. Throws
 * QEMU_FAILED with what it said when it ends, or `signal` fires, before its monitor answers; it is gone then. `voice`
 * is the caller's until it runs, and closed with it then. `inherited` are descriptors that it has from 3 on.
 */
export async function startQemu(
  argv: readonly string[],
  paths: VmPaths,
  voice: Voice,
  { signal, inherited = [], onStarted }: StartOptions,
): Promise<Qemu> {
  for (const socket of [paths.qmpSocket, paths.serialSocket]) await rm(socket, { force: true });
  writeFileSync(paths.logs.serial, "", { mode: 0o600 });
  const child = withMask(ownersFilesMask, () =>
    Bun.spawn([...argv], { stdio: ["ignore", voice.fd, voice.fd, ...inherited], detached: true }),
  );
  child.unref();
  onStarted?.(child.pid);
  const ended = new AbortController();
  const exited = child.exited.then(() => {
    ended.abort();
    return endOf(child.exitCode, child.signalCode);
  });
  let qmp: QmpClient;
  try {
    qmp = await awaitQmp(paths.qmpSocket, {
      deadlineMs: monitorDeadlineMs,
      signal: AbortSignal.any([ended.signal, signal]),
    });
  } catch (cause) {
    child.kill("SIGKILL");
    const { how } = await exited;
    await voice.heard();
    const details = tailOf(paths.logs.qemu, 10);
    throw new QnError("QEMU_FAILED", `${how} before its monitor answered.`, { cause, details });
  }
  return await owned(paths, voice, { pid: child.pid, qmp, exited, force: () => child.kill("SIGKILL") });
}

/**
 * Takes over a QEMU whose supervisor has died; nothing when there is none. That its monitor answers at the VM's own
 * socket proves that `recordedPid` is still its number.
 */
export async function adoptQemu(paths: VmPaths, recordedPid: number | undefined): Promise<Qemu | undefined> {
  if (!(await isThere(paths.qmpSocket))) return undefined;
  let qmp: QmpClient;
  try {
    qmp = await connectQmp(paths.qmpSocket);
  } catch {
    // Nobody listens: the socket is what a killed QEMU left.
    return undefined;
  }
  const exited = qmp.closed.then(() => ({ how: "QEMU ended", hasCrashed: false }));
  return await owned(paths, nextWords(paths), { pid: recordedPid, qmp, exited, force: () => killProcess(recordedPid) });
}

// --- internal ---

/** A process that answers at its monitor, and how it is ended when it no longer does. */
type Process = Pick<Qemu, "pid" | "qmp" | "exited"> & { readonly force: () => void };

async function owned(
  paths: VmPaths,
  words: Words | undefined,
  { pid, qmp, exited: gone, force }: Process,
): Promise<Qemu> {
  const console = await keepConsole(paths.serialSocket, paths.logs.serial);
  let isGone = false;
  const exited = gone.then(async (how) => {
    await Promise.all([console.heard(), words?.heard()]);
    words?.close();
    isGone = true;
    return how;
  });
  let told = Promise.resolve();
  return {
    pid,
    qmp,
    exited,
    heard: async () => await words?.heard(),
    onEvent(listener) {
      const tell = async (event: QmpEvent, before: Promise<void>): Promise<void> => {
        await before;
        // Why a guest starts anew is the last that it has said.
        if (event.name === "RESET") await console.heard();
        if (!isGone) listener(event);
      };
      qmp.onEvent((event) => void (told = tell(event, told)));
    },
    async leave() {
      console.close();
      words?.close();
      await qmp[Symbol.asyncDispose]();
    },
    kill: () => end(qmp, exited, force),
  };
}

async function end(qmp: QmpClient, exited: Promise<unknown>, force: () => void): Promise<void> {
  // Its end may come before its answer, and a QEMU that hangs gives none: only the end counts.
  quit(qmp).catch(() => {});
  try {
    await within(exited, quitDeadlineMs, () => new Error("QEMU does not quit"));
  } catch {
    force();
    await exited;
  }
}

function killProcess(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(pid, "SIGKILL");
  } catch (error) {
    // It has ended meanwhile.
    if (!isErrno(error, "ESRCH")) throw error;
  }
}

/** The signals of a program that has found a fault in itself, or was found in one (signal(7)). */
const crashSignals: ReadonlySet<unknown> = new Set(["SIGABRT", "SIGBUS", "SIGFPE", "SIGILL", "SIGSEGV"]);

function endOf(exitCode: number | null, signal: string | number | null): Ended {
  const how = signal === null ? `QEMU ended with status ${exitCode ?? "unknown"}` : `QEMU was ended by ${signal}`;
  return { how, hasCrashed: crashSignals.has(signal) };
}
