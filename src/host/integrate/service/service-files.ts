/** What starts a VM at login, as text: a systemd user unit or a launchd agent. */

/**
 * A VM's service. `command` is absolute; `environment` is all that it has besides what the manager gives (HOME, USER).
 */
export type ServiceSpec = {
  readonly vm: string;
  /** What managers know it by, without what they put around: the VM's name, or more (manage.ts). */
  readonly name: string;
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** The file that takes what the supervisor says. */
  readonly log: string;
};

/**
 * How long a VM may take to shut down before the manager loses patience, in seconds: the supervisor's own 90 and some.
 */
const stopS = 120;

/** How long to wait before a crashed supervisor is started again, in seconds. */
const restartS = 5;

/**
 * Exit statuses that a new start does not mend: usage, no such VM, settings, QN_HOME, QEMU, firmware, accelerator,
 * tools, image (docs/errors.md).
 */
const hopeless = [1, 4, 5, 6, 10, 11, 12, 13, 20, 21] as const;

/** Whether the text of a unit or an agent names this log, and so is about the VM whose log it is. */
export function namesLog(text: string, log: string): boolean {
  return [log, log.replaceAll("%", "%%"), xmlText(log)].some((path) => text.includes(path));
}

/** The name of a systemd unit. */
export function unitName(name: string): string {
  return `qn-${name}.service`;
}

/** The label of a launchd agent. */
export function agentLabel(name: string): string {
  return `qn.${name}`;
}

/**
 * A systemd user unit (systemd.service(5)). Only the supervisor is the manager's to end: a QEMU that it leaves behind
 * when it crashes is adopted by the next one, and containers do not notice. Status 0, after `qn down`, starts nothing
 * anew.
 */
export function renderUnit({ vm, command, environment, log }: ServiceSpec): string {
  const variables = Object.entries(environment).map(([name, value]) => `Environment=${unitWord(`${name}=${value}`)}\n`);
  return `# Written by qn service install; qn service uninstall removes it.
[Unit]
Description=qn's VM ${vm}
StartLimitIntervalSec=300
StartLimitBurst=10

[Service]
Type=notify
NotifyAccess=main
ExecStart=${command.map((word) => unitWord(word).replaceAll("$", "$$$$")).join(" ")}
${variables.join("")}WorkingDirectory=/
StandardOutput=null
StandardError=append:${log.replaceAll("%", "%%")}
UMask=0077
Restart=on-failure
RestartSec=${restartS}
RestartPreventExitStatus=${hopeless.join(" ")}
TimeoutStartSec=60
TimeoutStopSec=${stopS}
KillMode=process

[Install]
WantedBy=default.target
`;
}

/**
 * A launchd agent (launchd.plist(5)). Interactive, because what runs as Standard or Background is slowed down, QEMU
 * with it. The process group is left alone, for the same reason as in the unit.
 */
export function renderPlist({ name, command, environment, log }: ServiceSpec): string {
  const values: PlistValue = {
    Label: agentLabel(name),
    ProgramArguments: command,
    EnvironmentVariables: environment,
    WorkingDirectory: "/",
    RunAtLoad: true,
    KeepAlive: { SuccessfulExit: false },
    ThrottleInterval: restartS,
    ExitTimeOut: stopS,
    AbandonProcessGroup: true,
    ProcessType: "Interactive",
    SoftResourceLimits: { NumberOfFiles: 65_536 },
    StandardErrorPath: log,
    Umask: 0o077,
  };
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<!-- Written by qn service install; qn service uninstall removes it. -->
<plist version="1.0">
${plistValue(values, "")}
</plist>
`;
}

// --- internal ---

type PlistValue = string | number | boolean | readonly PlistValue[] | { readonly [key: string]: PlistValue };

/** A word of a unit's line: quoted, with the unit's own specifiers and escapes switched off (systemd.syntax(7)). */
function unitWord(word: string): string {
  const escaped = word.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("%", "%%").replaceAll("\n", "\\n");
  return `"${escaped}"`;
}

function plistValue(value: PlistValue, indent: string): string {
  if (typeof value === "string") return `${indent}<string>${xmlText(value)}</string>`;
  if (typeof value === "number") return `${indent}<integer>${value}</integer>`;
  if (typeof value === "boolean") return `${indent}<${value}/>`;
  const inner = `${indent}  `;
  if (isList(value)) {
    return `${indent}<array>\n${value.map((item) => `${plistValue(item, inner)}\n`).join("")}${indent}</array>`;
  }
  const members = Object.entries(value).map(
    ([key, item]) => `${inner}<key>${xmlText(key)}</key>\n${plistValue(item, inner)}\n`,
  );
  return `${indent}<dict>\n${members.join("")}${indent}</dict>`;
}

function isList(value: PlistValue): value is readonly PlistValue[] {
  return Array.isArray(value);
}

function xmlText(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
