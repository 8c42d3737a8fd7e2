/** Every failure that qn can report: one closed list of codes, each with its exit status and one hint. */

/**
 * The catalogue. `exit` is the documented exit status (docs/errors.md lists the same table), `hint` is the one thing
 * to do about it. 0 is success, 1 usage, 3 "not running" (as systemctl), 70 a bug of qn's own (sysexits.h EX_SOFTWARE),
 * 130 interrupted (128 + SIGINT, as shells count).
 */
const catalogue = {
  USAGE: { exit: 1, hint: "See `qn --help`." },
  NOT_RUNNING: { exit: 3, hint: "Start it with `qn up`." },
  NO_SUCH_VM: { exit: 4, hint: "`qn ls` shows the VMs that there are; `qn up NAME` makes one." },
  CONFIG_INVALID: { exit: 5, hint: "Correct the values named above." },
  HOME_UNUSABLE: { exit: 6, hint: "Point QN_HOME at a short path that you own, such as ~/.qn." },
  QEMU_MISSING: { exit: 10, hint: "`qn doctor` has the line that installs QEMU here; QN_QEMU names another one." },
  FIRMWARE_MISSING: {
    exit: 11,
    hint: "`qn doctor` has the line that installs the UEFI firmware here; QN_FIRMWARE names another one.",
  },
  ACCEL_UNAVAILABLE: { exit: 12, hint: "Use `accel: auto` or `accel: tcg` (emulation, slow)." },
  TOOL_MISSING: { exit: 13, hint: "Install the program named above and try again." },
  IMAGE_MISSING: { exit: 20, hint: "Build it with `qn image build`, or fetch it with `qn image pull`." },
  IMAGE_CORRUPT: { exit: 21, hint: "Fetch it again with `qn image pull`, or build it again with `qn image build`." },
  IMAGE_BUILD_FAILED: { exit: 22, hint: "The lines above are the last of the build." },
  IMAGE_IN_USE: { exit: 23, hint: "Delete the VM with `qn delete`, or let it take another image first." },
  DISK_FAILED: { exit: 24, hint: "Check free space and permissions below QN_HOME." },
  IMAGE_PULL_FAILED: { exit: 25, hint: "Try again: what has been fetched is kept, and it goes on from there." },
  IMAGE_UNTRUSTED: {
    exit: 26,
    hint: "Nothing of it was used; imageUrl and imageKey in the settings name source and key.",
  },
  NO_SUCH_SNAPSHOT: { exit: 27, hint: "`qn snapshot ls` shows the snapshots that there are." },
  SNAPSHOT_EXISTS: { exit: 28, hint: "Choose another name, or remove that one with `qn snapshot rm`." },
  ARCHIVE_REFUSED: { exit: 29, hint: "Make it again with `qn data export`; nothing of it was kept." },
  DATA_NEWER: { exit: 53, hint: "Use the image that has written it, or a newer one." },
  UPGRADE_FAILED: { exit: 54, hint: "This qn is as it was. Try again, or name another server by QN_INSTALL_URL." },
  UPGRADE_UNTRUSTED: {
    exit: 55,
    hint: "This qn is as it was. QN_INSTALL_URL and QN_INSTALL_KEY name a server and its key.",
  },
  UPGRADE_REFUSED: { exit: 56, hint: "This qn is as it was." },
  QEMU_FAILED: { exit: 30, hint: "`qn logs --source qemu` shows what QEMU said." },
  QEMU_EXITED: { exit: 31, hint: "`qn logs --source serial` shows what the guest said last." },
  BOOT_TIMEOUT: {
    exit: 32,
    hint: "`qn logs --source serial` shows how far the guest came; `--timeout` gives it longer.",
  },
  AGENT_INCOMPATIBLE: {
    exit: 33,
    hint: "Build the image again with `qn image build`, then `qn down` and `qn up`; or upgrade qn.",
  },
  DOCKER_UNREACHABLE: { exit: 34, hint: "`qn ssh -- journalctl -u docker` shows why Docker does not answer." },
  SUPERVISOR_FAILED: { exit: 35, hint: "`qn logs` shows what the supervisor said last." },
  SUPERVISOR_UNREACHABLE: { exit: 36, hint: "Try `qn down --force`, then `qn up`." },
  PORT_TAKEN: { exit: 40, hint: "Free the port, or publish on another one." },
  VM_BUSY: { exit: 41, hint: "Wait until the other command is done." },
  VM_RUNNING: { exit: 42, hint: "Stop it first with `qn down`." },
  SUSPEND_REFUSED: { exit: 57, hint: "The VM runs on. `qn down --shutdown` shuts it down." },
  SOCKET_TAKEN: { exit: 44, hint: "Stop the program that owns it, or use `qn env` instead." },
  NOT_PERMITTED: { exit: 45, hint: "It takes an administrator's rights." },
  VM_PROTECTED: { exit: 43, hint: "`qn config set protected=false` lifts that." },
  VM_EXISTS: { exit: 46, hint: "Choose another name; `qn ls` shows the VMs that there are." },
  VM_NEWER: { exit: 47, hint: "Use the newer qn that made it, or upgrade this one." },
  NO_SUCH_FORWARD: { exit: 48, hint: "`qn ports` shows the forwards; those of containers end with their containers." },
  NO_SUCH_DISK: { exit: 49, hint: "`qn disk ls` shows the disks." },
  LINK_REFUSED: { exit: 50, hint: "`qn down` and `qn up` give both sides a new secret." },
  PROTOCOL: { exit: 51, hint: "Host and guest disagree; build the image again with `qn image build`." },
  AGENT_FAILED: { exit: 52, hint: "`journalctl -u 'qn-*'` in the guest shows more." },
  COPY_FAILED: { exit: 60, hint: "Check both paths; `qn ssh` shows the guest's side." },
  DEPLOY_FAILED: { exit: 61, hint: "The guest runs what it ran before." },
  DEPLOY_ROLLED_BACK: { exit: 62, hint: "The guest runs what it ran before; `qn ssh -- journalctl -b` shows more." },
  CONTAINER_FAILED: { exit: 63, hint: "`qn container ls` shows those that there are." },
  SPECIALISE_FAILED: { exit: 64, hint: "`qn ssh -- journalctl -u qn-specialise` shows all of it; the VM runs." },
  INTERRUPTED: { exit: 130, hint: "Nothing was left behind." },
  BUG: { exit: 70, hint: "This is a mistake in qn; please report it with the output of `qn logs`." },
} as const satisfies Record<string, { readonly exit: number; readonly hint: string }>;

export type ErrorCode = keyof typeof catalogue;

/** An error in a form that crosses processes: from the supervisor to the command that waits for it. */
export type ErrorReport = {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string;
  readonly details?: readonly string[] | undefined;
};

/** A failure with a code of the catalogue. `details` are lines to show below the message, such as a log's last ones. */
export class QnError extends Error {
  readonly code: ErrorCode;
  readonly details: readonly string[];
  readonly #hint: string | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    options: { cause?: unknown; hint?: string; details?: readonly string[] } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "QnError";
    this.code = code;
    this.details = options.details ?? [];
    this.#hint = options.hint;
  }

  /** The one thing to do about it: the catalogue's, unless the place that failed knows better. */
  get hint(): string {
    return this.#hint ?? catalogue[this.code].hint;
  }

  /** The documented exit status. */
  get exit(): number {
    return catalogue[this.code].exit;
  }
}

/** Whether this machine's disk is what failed: it is full, or cannot be written to. */
export function isDiskError(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return ["ENOSPC", "EDQUOT", "EROFS"].some((each) => each === code);
}

/**
 * An error with a code of the catalogue: a disk that is full or read-only is the machine's, and so is a file of another
 * owner or kind than it should be; what else has none is a BUG.
 */
export function knownError(error: unknown): QnError {
  if (error instanceof QnError) return error;
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  const isFile = ["EACCES", "EPERM", "EISDIR", "ENOTDIR", "ELOOP", "ENXIO", "EINVAL"].some((each) => each === code);
  if (isFile && error instanceof Error && "path" in error && typeof error.path === "string") {
    const hint = "Look whose it is and of what kind (`ls -ld`), and remove it if it is not yours.";
    return new QnError("HOME_UNUSABLE", `${error.path} cannot be used: ${error.message}.`, { cause: error, hint });
  }
  if (!isDiskError(error)) return new QnError("BUG", messageOf(error), { cause: error });
  return new QnError("DISK_FAILED", `This machine's disk cannot be written to: ${messageOf(error)}.`, { cause: error });
}

/** Turns an error into what can be sent to another process. */
export function reportOf(error: unknown): ErrorReport {
  const known = knownError(error);
  return { code: known.code, message: known.message, hint: known.hint, details: known.details };
}

/** Turns a report from another process back into an error. */
export function errorOf(report: ErrorReport): QnError {
  return new QnError(report.code, report.message, { hint: report.hint, details: report.details ?? [] });
}

/** The text of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** True for a code of the catalogue; a newer qn may know codes that this one does not. */
export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(catalogue, code);
}

/** The catalogue as rows, for the documentation's table and its test. */
export function errorTable(): readonly { code: string; exit: number; hint: string }[] {
  return Object.entries(catalogue).map(([code, { exit, hint }]) => ({ code, exit, hint }));
}
